import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../../support/eventually.js';
import { type MigrationFolder, migrationFolder } from '../../support/migration-folder.js';
import { type OwnServer, ownServer } from '../../support/own-server.js';
import { describeWithPostgres, testServers } from '../../support/servers.js';

const DEBIAN_15 = '/usr/lib/postgresql/15/bin';
const VERSIONS = [17, 15].filter((version) => version === 17 || existsSync(DEBIAN_15) || process.env.CI === 'true');

const BASELINE = `-- é🚢
BEGIN;
CREATE SCHEMA growth;
CREATE TABLE growth.t (id int PRIMARY KEY, note text);
DO $$ BEGIN EXECUTE 'CREATE TABLE growth.made_by_do (a int)'; END $$;
COPY growth.t (id, note) FROM stdin;
1\tit's; -- from stdin;
2\t\\N
\\.
INSERT INTO growth.t VALUES (3, 'plain');
COMMIT;
`;
/** Five megabytes, with a byte order mark and CRLF. */
const LARGE = `\ufeffCREATE TABLE large (id int, note text);\r\n${Array.from({ length: 50 }, (_, row) => `INSERT INTO large VALUES (${row}, '${'x'.repeat(100_000)}');\r\n`).join('')}`;

describeWithPostgres('ferry db', () => {
  let server15: OwnServer | undefined;
  const serverUrl = (version: number) => (version === 15 ? server15!.url : testServers().targetServer);
  beforeAll(async () => {
    if (VERSIONS.includes(15)) server15 = await ownServer({}, DEBIAN_15);
  });
  afterAll(() => server15?.stop());

  const folder = (files: Parameters<typeof migrationFolder>[1], version = 17) =>
    migrationFolder(serverUrl(version), files);
  const events = (at: MigrationFolder) =>
    at.values(`SELECT event || ' ' || version FROM public.schema_migrations_log ORDER BY id`);

  describe.each(VERSIONS)('on PostgreSQL %i', (version) => {
    test('runs a set once, in order, and says what it did', async () => {
      await using at = await folder(
        {
          'migrations/20251026211500_v0_7_0_baseline.sql': BASELINE,
          'migrations/20251026213000_v0_7_0_large.sql': LARGE,
          'migrations/20251027140000_v0_8_0_index.sql':
            '-- ferry: no-transaction\nCREATE INDEX CONCURRENTLY large_id ON large (id);\nCREATE INDEX CONCURRENTLY large_note ON large (left(note, 9));',
          'migrations/README.md': '# not SQL',
        },
        version,
      );
      const before = (await at.db('status')).json();
      expect(before).toMatchObject({ ok: false, applied: [], problems: [] });
      const first = await at.migrate('--to', '0.7.0', '--environment', 'staging');
      expect(first.json(), first.stderr).toMatchObject({
        ok: true,
        applied: [
          { version: '20251026211500', statements: 5 },
          { statements: 51, tries: 1 },
        ],
      });
      expect(await at.values('SELECT note FROM growth.t ORDER BY id')).toEqual(["it's; -- from stdin;", null, 'plain']);
      expect(await at.values('SELECT sum(length(note)) FROM public.large')).toEqual(['5000000']);
      expect((await at.db('status')).json()).toMatchObject({ ok: false, pending: [{ release: '0.8.0' }] });
      expect((await at.migrate()).json()).toMatchObject({ ok: true, applied: [{ statements: 2 }] });
      expect(await at.values('SELECT count(*) FROM pg_catalog.pg_index WHERE indisvalid')).not.toEqual(['0']);
      const again = await at.migrate();
      expect([again.code, again.json()]).toMatchObject([0, { ok: true, applied: [] }]);
      const status = await at.db('status');
      expect([status.code, status.json()]).toMatchObject([0, { ok: true, pending: [], problems: [] }]);
      expect(await at.values('SELECT version FROM public.schema_migrations ORDER BY version')).toEqual([
        '20251026211500',
        '20251026213000',
        '20251027140000',
      ]);
      const history = (await at.db('history')).json<{ events: Record<string, string>[] }>().events;
      expect(history.map(({ event }) => event)).toEqual([
        'applied',
        'started',
        'applied',
        'started',
        'applied',
        'started',
      ]);
      expect(history.at(-1)).toMatchObject({ environment: 'staging', role: 'postgres', version: '20251026211500' });
    });

    test('a dry run shows locks and changes, and leaves nothing', async () => {
      await using at = await folder(
        {
          'migrations/001_a.sql': 'CREATE TABLE public.t (id int PRIMARY KEY);',
          'migrations/002_b.sql':
            "ALTER TABLE t ADD note text DEFAULT 'x';\nCREATE POLICY p ON t USING (true);\nCREATE FUNCTION f(a int) RETURNS int LANGUAGE sql AS 'SELECT 1';",
          'migrations/003_c.sql': 'DROP TABLE t;',
        },
        version,
      );
      await at.migrate('--to', '001');
      const dry = await at.migrate('--dry-run');
      const { migrations } = dry.json<{ migrations: Record<'locks' | 'changes', object[]>[] }>();
      expect(migrations[0], dry.stderr).toMatchObject({
        locks: [{ relation: 'public.t', mode: 'AccessExclusiveLock' }],
        changes: [
          { change: 'added', kind: 'column', name: 'public.t.note' },
          { change: 'added', kind: 'function', name: 'public.f(a integer)' },
          { change: 'added', kind: 'policy', name: 'public.t.p' },
        ],
      });
      expect(migrations[1]!.changes).toContainEqual(
        expect.objectContaining({ change: 'removed', kind: 'table', name: 'public.t' }),
      );
      expect(await at.values('SELECT version FROM public.schema_migrations')).toEqual(['001']);
      expect(await at.values("SELECT pg_catalog.to_regproc('public.f')")).toEqual([null]);
    });
  });

  test('a file that fails leaves nothing, names its line, and those behind it do not run', async () => {
    await using at = await folder({
      'migrations/001_a.sql': 'CREATE TABLE a (id int);',
      'migrations/002_b.sql': "CREATE TABLE b (id int);\n-- é🚢\nINSERT INTO b\n  VALUES ('é', 1);",
      'migrations/003_c.sql': 'CREATE TABLE c (id int);',
    });
    const failed = await at.migrate();
    expect(failed.code).toBe(1);
    expect(failed.json().error).toMatchObject({
      code: 'migration-failed',
      message: expect.stringMatching(/^002_b.sql:[34]: /),
    });
    expect(await at.values("SELECT tablename FROM pg_catalog.pg_tables WHERE tablename IN ('a', 'b', 'c')")).toEqual([
      'a',
    ]);
    // A place that the server does not tell is that of the statement.
    await at.write({ 'migrations/002_b.sql': 'CREATE TABLE b (id int);\n\nCREATE TABLE a (id int);' });
    expect((await at.migrate()).json().error).toMatchObject({ message: expect.stringContaining('002_b.sql:3: ') });
    await at.write({ 'migrations/002_b.sql': 'CREATE TABLE b (id int);' });
    expect((await at.migrate()).code).toBe(0);
    expect(await events(at)).toEqual([
      ...['started 001', 'applied 001', 'started 002', 'failed 002', 'started 002', 'failed 002'],
      ...['started 002', 'applied 002', 'started 003', 'applied 003'],
    ]);
  });

  test('what does not fit is refused before anything runs', async () => {
    await using at = await folder({ 'migrations/001_a.sql': 'SELECT 1;', 'migrations/003_c.sql': 'SELECT 3;' });
    const refused = async (pattern: RegExp, code = 3) => {
      const { error } = (await at.migrate().then((result) => {
        expect(result.code).toBe(code);
        return result.json();
      })) as { error: { message: string } };
      expect(error.message).toMatch(pattern);
    };
    await refused(/a number is missing/);
    await at.write({ 'migrations/002_b.sql': 'SELECT 2;\n\\gset', 'migrations/003_c.sql': '-- nothing' });
    await refused(/002_b.sql:2: \\gset is a command of psql/, 2);
    await at.write({ 'migrations/002_b.sql': 'SELECT 2;' });
    await refused(/003_c.sql has no statement/, 2);
    expect(await events(at)).toEqual([]);
    await at.write({ 'migrations/003_c.sql': 'SELECT 3;' });
    await at.migrate();
    await at.write({ 'migrations/002_b.sql': 'SELECT 22;' });
    await refused(/002_b.sql was changed after it was applied/);
    await at.write({ 'migrations/002_b.sql': 'SELECT 2;\r\n'.trimEnd(), 'migrations/000_z.sql': 'SELECT 0;' });
    await refused(/000_z.sql comes before 003_c.sql/);
  });

  test("what a file sets is its own, and the history's table may be older than we are", async () => {
    await using at = await folder({
      'migrations/001_initial_schema.sql': `CREATE TABLE IF NOT EXISTS public.schema_migrations (version text PRIMARY KEY, description text, applied_at timestamptz DEFAULT now());
        CREATE ROLE migrate_other_${process.pid}; SET ROLE migrate_other_${process.pid}; SET search_path = nowhere; SET lock_timeout = 1;
        RESET ROLE; INSERT INTO public.schema_migrations (version, description) VALUES ('001', 'their own words') ON CONFLICT (version) DO NOTHING;
        SET SESSION AUTHORIZATION migrate_other_${process.pid};`,
      'migrations/002_b.sql': `CREATE TABLE found (path text DEFAULT current_setting('search_path')); INSERT INTO found DEFAULT VALUES; DROP ROLE migrate_other_${process.pid};`,
    });
    await at.database.query(
      "CREATE TABLE public.schema_migrations (version varchar(255) PRIMARY KEY); INSERT INTO public.schema_migrations VALUES ('000')",
    );
    await at.write({ 'migrations/000_first.sql': 'SELECT broken;' });
    const run = await at.migrate();
    expect(run.json(), run.stderr).toMatchObject({ ok: true, applied: [{ version: '001' }, { version: '002' }] });
    expect(await at.values('SELECT path FROM public.found')).toEqual(['"$user", public']);
    expect(
      await at.values("SELECT version || ' ' || coalesce(description, '-') FROM public.schema_migrations ORDER BY 1"),
    ).toEqual(['000 -', '001 their own words', '002 b']);
  });

  test('a lock that others hold is tried again', async () => {
    await using at = await folder({
      'migrations/001_a.sql': 'CREATE TABLE t (id int);',
      'migrations/002_b.sql': 'CREATE TABLE other (id int); ALTER TABLE t ADD a int;',
    });
    await at.migrate('--to', '001');
    await at.database.query('BEGIN; LOCK TABLE public.t IN ACCESS SHARE MODE');
    const running = at.start('--lock-timeout', '50ms');
    await running.said(/tried again: .*lock timeout/);
    await at.database.query('COMMIT');
    const result = await running.ended;
    expect(result.json(), result.stderr).toMatchObject({ ok: true });
    expect(result.json<{ applied: { tries: number }[] }>().applied[0]!.tries).toBeGreaterThan(1);
  });

  test('two migrators at once run each file once', async () => {
    await using at = await folder({
      'migrations/001_a.sql': 'CREATE TABLE t (id int); SELECT pg_sleep(0.5);',
      'migrations/002_b.sql': 'INSERT INTO t VALUES (1);',
    });
    const both = await Promise.all([at.start().ended, at.start().ended]);
    expect(both.map(({ code, stderr }) => (code === 0 ? 0 : stderr))).toEqual([0, 0]);
    expect(await at.values('SELECT id FROM public.t')).toEqual(['1']);
    expect(await events(at)).toEqual(['started 001', 'applied 001', 'started 002', 'applied 002']);
  });

  test('killed amid a file, the old state is there and the history says so; it simply runs again', async () => {
    await using at = await folder({
      'migrations/001_a.sql':
        "CREATE TABLE t (id int);\nCOPY t FROM stdin;\n1\n\\.\nSELECT pg_sleep(CASE WHEN current_setting('ferry.fast', true) = 'on' THEN 0 ELSE 60 END);",
    });
    await killDuring(at, 'SELECT pg_sleep');
    expect(await events(at)).toEqual(['started 001']);
    expect(await at.values("SELECT pg_catalog.to_regclass('public.t')")).toEqual([null]);
    expect((await at.db('status')).json()).toMatchObject({ pending: [{ version: '001' }], problems: [] });
    await at.database.query(`ALTER ROLE CURRENT_USER IN DATABASE ${await currentDatabase(at)} SET ferry.fast = 'on'`);
    expect((await at.migrate()).code).toBe(0);
    expect(await events(at)).toEqual(['started 001', 'started 001', 'applied 001']);
  });

  test('killed amid a file without a transaction, the history says how far it was, and nothing more runs', async () => {
    await using at = await folder({
      'migrations/001_a.sql': '-- ferry: no-transaction\nCREATE TABLE t (id int);\nSELECT pg_sleep(60);\nSELECT 3;',
    });
    await killDuring(at, 'SELECT pg_sleep');
    const status = await at.db('status');
    expect(status.code).toBe(3);
    expect(status.json()).toMatchObject({
      problems: [{ kind: 'interrupted', message: expect.stringContaining('1 of its statements are done') }],
    });
    expect((await at.migrate()).json().error).toMatchObject({ code: 'migrations-refused' });
    const repaired = await at.db('repair', '001', '--pending', '--reason', 'undone by hand');
    expect(repaired.json(), repaired.stderr).toEqual({ ok: true, version: '001', state: 'pending' });
    await at.database.query('DROP TABLE public.t');
    await at.write({ 'migrations/001_a.sql': '-- ferry: no-transaction\nCREATE TABLE t (id int);' });
    expect((await at.migrate()).code).toBe(0);
  });

  test('the history is repaired, with a reason', async () => {
    await using at = await folder({ 'migrations/001_a.sql': 'SELECT broken;', 'migrations/002_b.sql': 'SELECT 2;' });
    await at.db('repair', '001', '--applied', '--reason', 'came with a dump');
    await at.migrate();
    await at.write({ 'migrations/002_b.sql': 'SELECT 2; -- more words' });
    expect((await at.db('status')).json()).toMatchObject({ problems: [{ kind: 'changed' }] });
    await at.db('repair', '002', '--applied', '--reason', 'a comment only');
    expect((await at.db('status')).code).toBe(0);
    expect((await at.db('repair', '009', '--pending', '--reason', 'x')).code).toBe(2);
    expect((await at.db('history', '--limit', '1')).json()).toMatchObject({
      events: [{ event: 'repaired-applied', version: '002', detail: 'a comment only' }],
    });
  });

  /** Kills the command once the server runs what is named, and waits until the server has noticed by itself. */
  async function killDuring(at: MigrationFolder, query: string): Promise<void> {
    const running = at.start();
    const sessions = `FROM pg_catalog.pg_stat_activity WHERE application_name = 'ferry db migrate' AND datname = current_database()`;
    await eventually(
      async () =>
        (await at.values(`SELECT 1 ${sessions} AND query LIKE '%${query}%' AND wait_event = 'PgSleep'`)).length > 0,
      {
        what: query,
      },
    );
    running.signal('SIGKILL');
    await running.ended;
    await eventually(async () => (await at.values(`SELECT 1 ${sessions}`)).length === 0, {
      what: 'the session to end',
    });
  }

  const currentDatabase = async (at: MigrationFolder) => (await at.values('SELECT current_database()'))[0]!;

  test('who may not see the history is told, and runs nothing again', async () => {
    await using at = await folder({ 'migrations/001_a.sql': 'CREATE TABLE t (id int);' });
    await at.migrate();
    const role = `migrate_stranger_${process.pid}`;
    await at.database.query(
      `CREATE ROLE ${role} LOGIN PASSWORD 'x'; GRANT ALL ON ALL TABLES IN SCHEMA public TO ${role}; GRANT ALL ON SCHEMA public TO ${role}`,
    );
    const url = new URL(at.url);
    [url.username, url.password] = [role, 'x'];
    const status = await at.db('status', '--url', url.href);
    expect([status.code, status.json()]).toMatchObject([
      1,
      { error: { code: 'privilege-missing', remedy: expect.stringContaining('as the owner') } },
    ]);
    await at.database.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
  });

  test('new writes a set that runs once it is filled in', async () => {
    await using at = await folder({});
    const made = await at.db('new', 'Add collaboration', '--version', '0.8.0');
    const { version, files } = made.json<{ version: string; files: string[] }>();
    expect(files.map((file) => file.slice(at.directory.length + 1))).toEqual([
      `migrations/${version}_v0_8_0_add_collaboration.sql`,
      `rollback/${version}_rollback.sql`,
      'tests/v0.8.0_smoke_test.sql',
    ]);
    expect((await at.migrate()).json().error).toMatchObject({
      message: expect.stringContaining('has no statement'),
    });
    await at.write({ [`migrations/${version}_v0_8_0_add_collaboration.sql`]: 'CREATE TABLE c (id int);' });
    expect((await at.migrate()).code).toBe(0);
    const next = (await at.db('new', 'more')).json<{ version: string }>();
    expect(BigInt(next.version)).toBeGreaterThan(BigInt(version));
    expect((await at.db('new', 'less', '--version', '0.7.0')).code).toBe(2);
  });
});
