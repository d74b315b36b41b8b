import { existsSync } from 'node:fs';
import { mkdir, readdir, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findDumper } from '../../../platform/pg-dump.js';
import { type MigrationFolder, migrationFolder } from '../../support/migration-folder.js';
import { orSkip } from '../../support/or-skip.js';
import { type OwnServer, ownServer } from '../../support/own-server.js';
import { describeWithPostgres, testServers } from '../../support/servers.js';

const DEBIAN_15 = '/usr/lib/postgresql/15/bin';
const VERSIONS = [17, 15].filter((version) => version === 17 || existsSync(DEBIAN_15) || process.env.CI === 'true');

const BASELINE = `CREATE SCHEMA growth;
CREATE TABLE growth.users (id serial PRIMARY KEY, email text NOT NULL UNIQUE, CHECK (email LIKE '%@%'));
ALTER TABLE growth.users ENABLE ROW LEVEL SECURITY;
CREATE POLICY "all of it" ON growth.users USING (true);
CREATE FUNCTION growth.touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE TRIGGER touched BEFORE UPDATE ON growth.users FOR EACH ROW EXECUTE FUNCTION growth.touch();
CREATE VIEW growth.people AS SELECT id FROM growth.users;
CREATE VIEW growth.names AS SELECT email FROM growth.users;
COMMENT ON TABLE growth.users IS 'people'; COMMENT ON VIEW growth.people IS 'all of them';`;

const MORE = `CREATE TYPE growth.kind AS ENUM ('a', 'b');
CREATE TABLE growth.orders (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, buyer int REFERENCES growth.users, kind growth.kind);
CREATE INDEX orders_kind ON growth.orders (kind);
ALTER TABLE growth.users ADD COLUMN referrer int REFERENCES growth.users, ADD COLUMN "Note it" text DEFAULT 'x';
ALTER TABLE growth.users ADD CONSTRAINT short CHECK (length(email) < 300);
CREATE VIEW growth.buyers AS SELECT u.id FROM growth.users u JOIN growth.orders o ON o.buyer = u.id;
CREATE FUNCTION growth.rank(a int, OUT b int) LANGUAGE sql AS 'SELECT a';
CREATE OR REPLACE FUNCTION growth.touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.id := OLD.id; RETURN NEW; END $$;
CREATE OR REPLACE FUNCTION growth.fresh() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE OR REPLACE VIEW growth.people AS SELECT id, referrer FROM growth.users;
CREATE OR REPLACE VIEW growth.names AS SELECT lower(email) AS email FROM growth.users;
DROP POLICY "all of it" ON growth.users;
ALTER TABLE growth.users ADD COLUMN IF NOT EXISTS email text, ADD COLUMN IF NOT EXISTS born date;
GRANT SELECT ON growth.users TO PUBLIC;`;

const SMOKE_TEST = `-- ferry: expect tables=1 policies=1 functions=1 triggers=1 in growth
-- ferry: expect function growth.touch
BEGIN;
SELECT relrowsecurity AS "row security is on" FROM pg_class WHERE oid = 'growth.users'::regclass;
INSERT INTO growth.users (email) VALUES ('smoke@test');
SELECT count(*) = 1 AS "one user" FROM growth.users;
ROLLBACK;
`;

const FILES = {
  'migrations/20251026211500_v0_7_0_baseline.sql': BASELINE,
  'migrations/20251027140000_v0_8_0_more.sql': MORE,
  'tests/v0.7.0_smoke_test.sql': SMOKE_TEST,
};

describeWithPostgres('ferry db, with snapshots', () => {
  let server15: OwnServer | undefined;
  const serverUrl = (version: number) => (version === 15 ? server15!.url : testServers().targetServer);
  beforeAll(async () => {
    if (VERSIONS.includes(15)) server15 = await ownServer({}, DEBIAN_15);
  });
  afterAll(() => server15?.stop());
  const states = (at: MigrationFolder) => at.values('SELECT version FROM public.schema_migrations ORDER BY version');

  test.for(VERSIONS)('PostgreSQL %i: what is kept, drift, and the ways back', async (version, { skip }) => {
    await orSkip(skip, `pg_dump of ${version}`, () => findDumper(serverUrl(version), version));
    await using at = await migrationFolder(serverUrl(version), FILES);
    const first = await at.db('migrate', '--environment', 'staging');
    expect(first.json(), first.stderr).toMatchObject({
      ok: true,
      applied: [{}, {}],
      alerts: [],
      tests: [{ ok: true }],
    });
    await seeWhatIsKept(at);
    await seeDrift(at);

    await at.database.query(
      "INSERT INTO growth.users (email) VALUES ('a@b'); INSERT INTO growth.orders (buyer) SELECT id FROM growth.users",
    );
    const back = await at.db('rollback', '0.8.0', '--yes');
    expect(back.json(), back.stderr).toMatchObject({
      ok: true,
      undone: [{ version: '20251027140000' }],
      differences: [],
    });
    const [, rows] = back.json<{ backups: string[] }>().backups;
    expect(await at.read(rows!.slice(at.directory.length + 1))).toMatch(/COPY growth\.orders .*\n1\t\d+\t/);
    expect(await states(at)).toEqual(['20251026211500']);
    expect(await at.read('docs/MIGRATIONS.md')).toContain(
      '### 20251027140000_v0_8_0_more.sql\n**Status:** Rolled back',
    );

    // A pg_dump out of Docker takes seconds each time: the other way back once.
    if (version !== VERSIONS.at(-1)) return;

    expect((await at.db('migrate')).code).toBe(0);
    await seeUnfinished(at);
    await seeRefusedRestore(at);
    const restored = await at.db('rollback', '--snapshot', 'v0.7.0_20251026211500_after', '--yes');
    expect(restored.json(), restored.stdout).toMatchObject({
      ok: true,
      undone: [{ version: '20251027140000' }],
      differences: [],
    });
    expect(await at.values('SELECT email FROM growth.users')).toEqual(['a@b']);
    const empty = await at.db('rollback', '--snapshot', 'v0.7.0_20251026211500', '--yes');
    expect(empty.json(), empty.stdout).toMatchObject({ ok: true, differences: [] });
    expect(await states(at)).toEqual([]);
    expect((await at.db('migrate')).code).toBe(0);
  });

  async function seeWhatIsKept(at: MigrationFolder): Promise<void> {
    expect((await readdir(join(at.directory, 'schemas'))).sort()).toEqual([
      'v0.7.0_20251026211500.sql',
      'v0.7.0_20251026211500_after.sql',
      'v0.8.0_20251027140000.sql',
      'v0.8.0_20251027140000_after.sql',
    ]);
    const after = await at.read('schemas/v0.7.0_20251026211500_after.sql');
    expect(after).toContain('CREATE TABLE growth.users');
    expect(after).not.toMatch(/schema_migrations|restrict/);
    expect(await at.read('schemas/v0.8.0_20251027140000.sql')).toBe(after);
    const record = await at.read('docs/MIGRATIONS.md');
    expect(record).toContain('**Environment:** staging\n**Snapshot:** schemas/v0.7.0_20251026211500.sql\n');
    expect(record).toContain('**Tested:** v0.7.0_smoke_test.sql passed\n');
    expect(await at.read('rollback/20251026211500_rollback.sql')).toContain('DROP TABLE IF EXISTS "growth"."users";');
  }

  async function seeDrift(at: MigrationFolder): Promise<void> {
    expect((await at.db('diff')).json()).toMatchObject({ ok: true, differences: [] });
    await at.database.query('CREATE INDEX drift ON growth.users (email); ALTER TABLE growth.users ADD more int');
    const drift = await at.db('diff');
    expect([drift.code, drift.json()]).toMatchObject([
      3,
      {
        differences: [
          { change: 'added', type: 'INDEX', name: 'growth.drift' },
          { change: 'changed', name: 'growth.users' },
        ],
      },
    ]);
    await at.database.query('DROP INDEX growth.drift; ALTER TABLE growth.users DROP more');
  }

  /** As a process leaves it that is killed behind the commit. */
  async function seeUnfinished(at: MigrationFolder): Promise<void> {
    const kept = [
      'schemas/v0.8.0_20251027140000_after.sql',
      'rollback/20251027140000_rollback.sql',
      'docs/MIGRATIONS.md',
    ];
    const after = await at.read(kept[0]!);
    for (const path of kept) await rm(join(at.directory, path));
    const status = await at.db('status');
    expect([status.code, status.json()]).toMatchObject([
      3,
      { unfinished: '20251027140000_v0_8_0_more.sql', pending: [] },
    ]);
    const finished = await at.db('migrate');
    expect([finished.code, finished.json()]).toMatchObject([
      0,
      { applied: [], finished: '20251027140000_v0_8_0_more.sql' },
    ]);
    expect(await at.read(kept[0]!)).toBe(after);
    // What the catalog was before nobody knows any more: IF NOT EXISTS is for a person then.
    expect(await at.read(kept[1]!)).toMatch(
      /-- REVIEW line 13, ALTER TABLE .*CREATE OR REPLACE FUNCTION growth.touch/s,
    );
    expect(await at.read(kept[2]!)).toContain('### 20251027140000_v0_8_0_more.sql\n**Status:** Applied');
    expect((await at.db('status')).code).toBe(0);
  }

  async function seeRefusedRestore(at: MigrationFolder): Promise<void> {
    const entry =
      '--\n-- Name: phantom; Type: TABLE; Schema: growth; Owner: x\n--\n\nCREATE TABLE growth.other (id int);\n';
    const snapshot = await at.read('schemas/v0.7.0_20251026211500_after.sql');
    await at.write({ 'schemas/wrong.sql': snapshot + entry });
    const refused = await at.db('rollback', '--snapshot', 'wrong', '--yes');
    expect([refused.code, refused.json()]).toMatchObject([
      3,
      {
        error: {
          message: 'the way back does not lead to wrong: missing TABLE growth.phantom, surplus TABLE growth.other',
        },
      },
    ]);
    expect(await at.values("SELECT pg_catalog.to_regclass('growth.orders')")).toEqual(['growth.orders']);
    await rm(join(at.directory, 'schemas/wrong.sql'));
  }

  test('without room for the snapshot nothing is run', async ({ skip }) => {
    const version = VERSIONS.at(-1)!;
    await orSkip(skip, `pg_dump of ${version}`, () => findDumper(serverUrl(version), version));
    await using at = await migrationFolder(serverUrl(version), { 'migrations/001_a.sql': 'CREATE TABLE t (id int);' });
    await mkdir(join(at.directory, 'schemas'));
    await symlink('/dev/full', join(at.directory, 'schemas/001.sql.new'));
    const run = await at.db('migrate');
    expect([run.code, run.json()]).toMatchObject([
      1,
      { error: { code: 'disk-full', message: expect.stringContaining('schemas/001.sql: ENOSPC') } },
    ]);
    expect(await at.values("SELECT pg_catalog.to_regclass('public.t')")).toEqual([null]);
    expect(await readdir(join(at.directory, 'schemas'))).toEqual([]);
    expect((await at.db('migrate')).code).toBe(0);
  });

  test('a way back without a transaction says how far it came', async () => {
    await using at = await migrationFolder(testServers().targetServer, {
      'migrations/001_a.sql': 'CREATE TABLE t (id int); CREATE INDEX i ON t (id); CREATE INDEX j ON t (id);',
      'rollback/001_rollback.sql':
        '-- ferry: no-transaction\nDROP INDEX CONCURRENTLY i;\nDROP INDEX CONCURRENTLY j;\nDROP TABLE missing;\n',
    });
    const back = () => at.db('rollback', '001', '--yes', '--no-pg-dump');
    await at.migrate();
    expect((await back()).code).toBe(1);
    expect(await at.values("SELECT indexname FROM pg_catalog.pg_indexes WHERE tablename = 't'")).toEqual([]);
    const message = expect.stringContaining(
      'undoes 001_a.sql runs without a transaction and was interrupted: 2 of its',
    );
    const status = await at.db('status');
    expect([status.code, status.json()]).toMatchObject([3, { problems: [{ kind: 'interrupted', message }] }]);
    expect((await back()).json()).toMatchObject({ error: { message } });

    await at.write({ 'rollback/001_rollback.sql': '-- ferry: no-transaction\nDROP TABLE t;\nVACUUM;' });
    await at.db('repair', '001', '--applied', '--reason', 'the table is there');
    expect((await back()).json()).toMatchObject({ ok: true, undone: [{ version: '001' }] });
    expect(await states(at)).toEqual([]);
    const { events } = (await at.db('history', '--limit', '2')).json<{ events: { event: string }[] }>();
    expect(events.map(({ event }) => event)).toEqual(['rolled-back', 'rolling-back']);
  });

  describe('a smoke test', () => {
    const failing = `${SMOKE_TEST.replace('tables=1', 'tables=2').replace('ROLLBACK;', '')}
SELECT 1/0;
SELECT false AS "is false";
SELECT true AS "has a row" WHERE false;
ROLLBACK;`;

    test('reports each assertion, and leaves nothing', async () => {
      await using at = await migrationFolder(testServers().targetServer, FILES);
      await at.migrate('--to', '0.7.0');
      await at.write({ 'tests/v0.7.0_smoke_test.sql': failing });
      const report = await at.db('test', 'v0.7.0');
      expect(report.code).toBe(3);
      const { assertions } = report.json<{
        assertions: { name: string; ok: boolean; line?: number; message?: string }[];
      }>();
      expect(assertions.filter(({ ok }) => ok).map(({ name }) => name)).toEqual([
        '1 of kind policy in growth',
        '1 of kind function in growth',
        '1 of kind trigger in growth',
        'function growth.touch is there',
        'row security is on',
        'line 5 runs',
        'one user',
      ]);
      expect(assertions.filter(({ ok }) => !ok)).toMatchObject([
        { name: '2 of kind table in growth', message: 'there are 1' },
        { name: 'line 9 runs', line: 9, message: expect.stringContaining('division by zero') },
        { name: 'is false', line: 10 },
        { name: 'has a row', line: 11, message: 'there is no row' },
      ]);
      expect(await at.values('SELECT email FROM growth.users')).toEqual([]);
    });

    test('that does not hold ends the run, is an alert and in the metrics, and by choice takes back what was run', async () => {
      await using at = await migrationFolder(testServers().targetServer, {
        ...FILES,
        'tests/v0.7.0_smoke_test.sql': failing,
      });
      await at.write({ 'rollback/20251026211500_rollback.sql': 'DROP SCHEMA growth CASCADE;' });
      const run = ['--metrics', join(at.directory, 'ferry.prom')];
      const kept = await at.migrate(...run);
      expect([kept.code, kept.json()]).toMatchObject([
        3,
        { ok: false, undone: [], alerts: [{ kind: 'test' }, {}, {}, {}] },
      ]);
      expect(await states(at)).toEqual(['20251026211500']);
      const metrics = await at.read('ferry.prom');
      expect(metrics).toContain('ferry_db_alerts 4\n');
      expect(metrics).toContain('ferry_db_pending_migrations 1\n');
      expect(metrics).toContain('ferry_db_objects{kind="policy"} 1\n');
      await at.db('rollback', '0.7.0', '--yes', '--no-pg-dump');
      const undone = await at.migrate(...run, '--on-test-failure', 'rollback');
      expect([undone.code, undone.json()]).toMatchObject([3, { ok: false, undone: ['20251026211500'] }]);
      expect(await states(at)).toEqual([]);
    });

    test('that does not hold, by choice brings the snapshot back', async ({ skip }) => {
      const version = VERSIONS.at(-1)!;
      await orSkip(skip, `pg_dump of ${version}`, () => findDumper(serverUrl(version), version));
      const files = { ...FILES, 'tests/v0.7.0_smoke_test.sql': failing };
      await using at = await migrationFolder(serverUrl(version), files);
      const refused = await at.migrate('--on-test-failure', 'snapshot');
      expect([refused.code, refused.json()]).toMatchObject([2, { error: { code: 'usage' } }]);
      const restored = await at.db('migrate', '--on-test-failure', 'snapshot');
      expect([restored.code, restored.json()]).toMatchObject([3, { ok: false, undone: ['20251026211500'] }]);
      expect(await states(at)).toEqual([]);
      expect(await at.values("SELECT 1 FROM pg_namespace WHERE nspname = 'growth'")).toEqual([]);
    });
  });

  test('a way back that a person has not seen is not taken', async () => {
    await using at = await migrationFolder(testServers().targetServer, {
      'migrations/001_a.sql': 'CREATE TABLE t (id int);',
      'migrations/002_b.sql': 'INSERT INTO t VALUES (1);\nINSERT INTO t VALUES (2);',
      'migrations/003_c.sql': 'ALTER TABLE t ADD note text;',
    });
    await at.migrate();
    const script = await at.read('rollback/002_rollback.sql');
    expect(script).toContain('-- REVIEW line 1, INSERT INTO t VALUES (1) (and 1 more like it): rows that were added');
    const refused = await at.db('rollback', '002', '--yes', '--no-pg-dump');
    expect([refused.code, refused.json()]).toMatchObject([
      3,
      { error: { message: expect.stringContaining('1 marks for review') } },
    ]);
    expect((await at.db('rollback', '002', '--no-pg-dump')).code).toBe(3);
    await at.write({ 'rollback/002_rollback.sql': 'DELETE FROM t WHERE id IN (1, 2);' });
    const unconfirmed = await at.db('rollback', '002', '--no-pg-dump');
    expect([unconfirmed.code, unconfirmed.json()]).toMatchObject([2, { error: { remedy: 'Give --yes.' } }]);
    expect(await states(at)).toEqual(['001', '002', '003']);
    const done = await at.db('rollback', '002', '--yes', '--no-pg-dump');
    expect(done.json(), done.stdout).toMatchObject({
      ok: true,
      undone: [{ version: '003' }, { version: '002' }],
      differences: null,
    });
    expect(await at.values('SELECT * FROM public.t')).toEqual([]);
    expect((await at.db('rollback')).json()).toMatchObject({ applied: [{ version: '001' }], snapshots: [] });
  });

  test('the checklist looks at what it can, and names what people must', async () => {
    await using at = await migrationFolder(testServers().targetServer, {
      ...FILES,
      'rollback/20251026211500_rollback.sql': 'DROP SCHEMA growth CASCADE;',
      'migrations/20251028000000_v0_8_0_far.sql': 'CREATE EXTENSION nowhere_to_be_had; CREATE SCHEMA sales;',
    });
    await at.write({ 'docs/MIGRATIONS.md': '### 20251026211500_v0_7_0_baseline.sql\n**Environment:** staging\n' });
    const list = async () => {
      const { items } = (await at.db('checklist', '--to', '0.7.0')).json<{
        items: { name: string; state: string }[];
      }>();
      return Object.fromEntries(items.map(({ name, state }) => [name, state]));
    };
    expect(await list()).toMatchObject({
      'files and history fit': 'done',
      'every pending file can be read': 'done',
      'tried in another environment': 'done',
      'a way back is written, and reviewed': 'done',
      'a smoke test is written for each release': 'done',
      'extensions are available on the server': 'done',
      'the team knows when': 'manual',
    });
    const all = await at.db('checklist');
    const { items } = all.json<{ items: { name: string; state: string; detail?: string }[] }>();
    expect(all.code).toBe(3);
    const open = items.filter(({ name, state }) => state === 'open' && !name.includes('pg_dump'));
    expect(open).toMatchObject([
      { detail: '20251027140000_v0_8_0_more.sql, 20251028000000_v0_8_0_far.sql' },
      { detail: '20251027140000_v0_8_0_more.sql, 20251028000000_v0_8_0_far.sql' },
      { detail: '0.8.0' },
      { detail: 'nowhere_to_be_had' },
    ]);
    expect(items).toContainEqual(expect.objectContaining({ state: 'manual', detail: 'growth, sales' }));
  });

  test('a server that no pg_dump is for is told before anything runs', async () => {
    await expect(findDumper(testServers().targetServer, 99)).rejects.toMatchObject({
      code: 'not-ready',
      message: expect.stringContaining('version 99 or later'),
      remedy: expect.stringContaining('postgresql-client-99'),
    });
  });
});
