import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Client } from 'pg';
import { afterAll, beforeAll, expect } from 'vitest';
import { packageRoot } from '../../../platform/package-root.js';
import { connect } from '../../../platform/postgres.js';
import { type CliResult, runFerry, testEnvironment } from '../../support/cli.js';
import { runMigrationFiles } from '../../support/migration-files.js';
import { type FreshDatabase, freshDatabase } from '../../support/postgres.js';
import { describeWithPostgres, testServers } from '../../support/servers.js';
import { testWithDumper, whyNoDumper } from '../../support/with-dumper.js';

const PIPELINE = `
pipeline: crowded
source: {url: "\${SOURCE_URL}"}
target: {url: "\${TARGET_URL}"}
log: {directory: log}
schema: {shared: shared, objects: {public.next_ticket: growth.next_ticket_number}}
`;
const GROWTH = `
schema: growth
tables:
  entities: {from: public.entities}
  microsites: {from: public.microsites}
  generation_jobs: {from: public.generation_jobs, rename: {site_id: microsite_slug}}
  artifact_comments: {from: public.comments}
  members: {from: public.members}
  events: {from: public.events}
  maas_users: {from: maas.users}
`;
const SHARED = `
schema: shared
tables:
  users:
    from: public.users
    rename: {joined: joined_on}
    drop: [secret]
    columns: {label: {template: "{email}!"}}
`;
/** What the target of every Supabase project has by itself. */
const MANAGED = `
  CREATE SCHEMA auth;
  CREATE TABLE auth.users (id uuid PRIMARY KEY, email text);
  CREATE FUNCTION auth.uid() RETURNS uuid LANGUAGE sql STABLE
    AS $$ SELECT nullif(pg_catalog.current_setting('request.jwt.claim.sub', true), '')::uuid $$;
  CREATE SCHEMA storage;
  CREATE TABLE storage.objects (id uuid PRIMARY KEY, bucket_id text, name text, owner uuid);
`;
const ADA = '00000000-0000-4000-8000-000000000001';

interface Made {
  readonly ok: boolean;
  readonly files: { name: string; isBeforeCopy: boolean }[];
  readonly written: string[];
  readonly findings: { kind: string; object: string; line: number; why: string; remedy: string }[];
  readonly placed: { object: string; to: string; why: string }[];
}

describeWithPostgres('the schema of a crowded source', () => {
  let source: FreshDatabase;
  let target: FreshDatabase;
  let client: Client;
  let directory: string;
  let result: CliResult;
  let made: Made;
  let reason: string | undefined;

  const ferry = (...args: string[]) =>
    runFerry(
      ['schema', '-c', directory, '--json', ...args],
      testEnvironment({ SOURCE_URL: source.url, TARGET_URL: target.url }),
    );

  beforeAll(async () => {
    const { sourceServer } = testServers();
    reason = await whyNoDumper(sourceServer, 17);
    if (reason !== undefined) return;
    [source, target] = [await freshDatabase(sourceServer, 'crowded'), await freshDatabase(sourceServer, 'domains')];
    const old = await connect('source', source.url, { applicationName: 'ferry-test' });
    await old.query('SET search_path = public, extensions');
    await old.query(await readFile(join(packageRoot(), 'test/integration/schema/crowded-source.sql'), 'utf8'));
    await old.end();
    directory = await mkdtemp(join(tmpdir(), 'ferry-test-schema-'));
    await mkdir(join(directory, 'mapping'));
    await writeFile(join(directory, 'pipeline.yaml'), PIPELINE);
    await writeFile(join(directory, 'mapping', 'growth.yaml'), GROWTH);
    await writeFile(join(directory, 'mapping', 'shared.yaml'), SHARED);
    result = await ferry();
    made = result.json<Made>();
    client = await connect('target', target.url, { applicationName: 'ferry-test' });
    await client.query(MANAGED);
    const folder = join(directory, 'target', 'migrations');
    await runMigrationFiles(client, folder);
    await runMigrationFiles(client, folder);
  });

  afterAll(async () => {
    await client?.end();
    await source?.drop();
    await target?.drop();
    if (directory) await rm(directory, { recursive: true, force: true });
  });

  async function values(sql: string): Promise<(string | null)[]> {
    const { rows } = await client.query<Record<string, string | null>>(sql);
    return rows.map((row) => Object.values(row)[0]!);
  }

  const inPlace = testWithDumper(() => reason);

  inPlace('says what it left, what to look at, and where it put what no mapping names', async () => {
    expect(result.code, result.stderr).toBe(3);
    const left = made.findings.filter(({ kind }) => kind === 'left').map(({ object }) => object);
    expect(left).toEqual(
      expect.arrayContaining(['table public.scratch', 'function public.read_scratch', 'view public.scratch_notes']),
    );
    expect(left).toHaveLength(3);
    const looks = made.findings.filter(({ kind }) => kind === 'look');
    expect(looks.map(({ object }) => object)).toEqual(
      expect.arrayContaining([
        'function public.count_rows',
        'table auth.users',
        'storage buckets',
        'extension pgcrypto',
      ]),
    );
    expect(looks.find(({ object }) => object === 'function public.count_rows')!.why).toMatch(/EXECUTE in line \d/);
    const dump = (await readFile(join(directory, 'target', 'source-schema.sql'), 'utf8')).split('\n');
    const { line } = made.findings.find(({ object }) => object === 'table public.scratch')!;
    expect(dump[line - 1]).toBe('CREATE TABLE public.scratch (');
    expect(made.placed).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ object: 'enum public.entity_type', to: 'growth.entity_type' }),
        expect.objectContaining({ object: 'enum public.status', to: 'growth.public_status' }),
        expect.objectContaining({ object: 'function public.set_updated_at', to: 'shared.set_updated_at' }),
        expect.objectContaining({ object: 'function public.is_admin', to: 'shared.is_admin' }),
        expect.objectContaining({ object: 'function public.next_ticket', to: 'growth.next_ticket_number' }),
      ]),
    );
  });

  inPlace('a second run writes what is missing, and nothing else', async () => {
    const [first] = made.written;
    await rm(first!);
    expect((await ferry()).json<Made>().written).toEqual([first]);
  });

  inPlace('everything stands in its domain schema, and nothing in public', async () => {
    const relations = await values(`
      SELECT n.nspname || '.' || c.relname || ' ' || c.relkind::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname IN ('growth', 'shared', 'public', 'maas') AND c.relkind <> 'c' ORDER BY 1`);
    expect(relations).toMatchInlineSnapshot(`
      [
        "growth.artifact_comments r",
        "growth.comments_id_seq S",
        "growth.comments_pkey i",
        "growth.entities r",
        "growth.entities_name_idx i",
        "growth.entities_owner_idx i",
        "growth.entities_pkey i",
        "growth.entities_tags_idx i",
        "growth.entity_counts m",
        "growth.entity_counts_owner_idx i",
        "growth.events p",
        "growth.events_2025 r",
        "growth.events_2025_note_idx i",
        "growth.events_2025_pkey i",
        "growth.events_note_idx I",
        "growth.events_pkey I",
        "growth.generation_jobs r",
        "growth.generation_jobs_id_seq S",
        "growth.generation_jobs_pkey i",
        "growth.generation_jobs_site_id_ticket_key i",
        "growth.generation_jobs_site_idx i",
        "growth.job_sites v",
        "growth.maas_users r",
        "growth.members r",
        "growth.members_pkey i",
        "growth.microsites r",
        "growth.microsites_pkey i",
        "growth.open_jobs v",
        "growth.ticket_numbers S",
        "growth.users_pkey i",
        "shared.users r",
        "shared.users_email_key i",
        "shared.users_pkey i",
      ]
    `);
    expect(
      await values(
        "SELECT n.nspname || '.' || typname FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE n.nspname IN ('growth', 'shared', 'public') AND (typtype IN ('e', 'd') OR typname = 'address') ORDER BY 1",
      ),
    ).toMatchInlineSnapshot(`
      [
        "growth.entity_type",
        "growth.public_status",
        "growth.status",
        "shared.address",
        "shared.email",
      ]
    `);
    expect(
      await values(
        "SELECT n.nspname || '.' || proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname IN ('growth', 'shared', 'public') ORDER BY 1",
      ),
    ).toMatchInlineSnapshot(`
      [
        "growth.comment_count",
        "growth.jobs_of",
        "growth.like_named",
        "growth.next_ticket_number",
        "growth.publish_on_done",
        "growth.rename_site",
        "growth.site_of_job",
        "shared.count_rows",
        "shared.digest_of",
        "shared.handle_new_user",
        "shared.is_admin",
        "shared.is_email",
        "shared.set_updated_at",
      ]
    `);
  });

  inPlace('columns are renamed, left and made wherever something names them', async () => {
    const columns = (table: string) =>
      values(
        `SELECT attname || ' ' || format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = '${table}'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum`,
      );
    expect(await columns('shared.users')).toMatchInlineSnapshot(`
      [
        "id uuid",
        "email shared.email",
        "role text",
        "joined_on date",
        "home shared.address",
        "updated_at timestamp with time zone",
        "label text",
      ]
    `);
    expect(await columns('growth.generation_jobs')).toContain('microsite_slug text');
    expect(await columns('growth.open_jobs')).toEqual(['id bigint', 'site_id text', 'is_published boolean']);
    expect(await columns('growth.job_sites')).toEqual(['site_id text', 'jobs bigint']);
    const definitions = await values(`
      SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'growth.generation_jobs'::regclass
      UNION ALL SELECT pg_get_indexdef('growth.generation_jobs_site_idx'::regclass)`);
    expect(definitions.join('\n')).not.toMatch(/\bsite_id\b/);
    expect(await values("SELECT convalidated FROM pg_constraint WHERE contype = 'f'")).not.toContain('f');
    expect(await values("SELECT col_description('growth.generation_jobs'::regclass, 3)")).toEqual([
      'The slug of its site',
    ]);
  });

  inPlace('policies, grants, publications and comments go with their tables', async () => {
    expect(
      await values("SELECT schemaname || '.' || tablename || ' ' || policyname FROM pg_policies ORDER BY 1"),
    ).toMatchInlineSnapshot(`
      [
        "growth.artifact_comments Members can comment",
        "growth.entities Members can read",
        "growth.entities Owners can write",
        "storage.objects Admins see files",
      ]
    `);
    expect(
      await values(
        "SELECT schemaname || '.' || tablename FROM pg_publication_tables WHERE pubname = 'supabase_realtime'",
      ),
    ).toEqual(['growth.artifact_comments']);
    const may = (question: string) => values(`SELECT ${question}`);
    expect(await may("has_table_privilege('authenticated', 'growth.artifact_comments', 'INSERT')")).toEqual(['t']);
    expect(await may("has_column_privilege('anon', 'growth.generation_jobs', 'microsite_slug', 'SELECT')")).toEqual([
      't',
    ]);
    expect(await may("has_schema_privilege('anon', 'growth', 'USAGE')")).toEqual(['t']);
    expect(await may("has_function_privilege('anon', 'shared.is_admin()', 'EXECUTE')")).toEqual(['f']);
    expect(await may("relforcerowsecurity FROM pg_class WHERE oid = 'growth.artifact_comments'::regclass")).toEqual([
      't',
    ]);
    expect(await may("count(*) FROM pg_default_acl WHERE defaclnamespace = 'growth'::regnamespace")).toEqual(['1']);
    expect(await may("obj_description('growth.artifact_comments'::regclass)")).toEqual([
      'What people say, public.comments',
    ]);
    expect(await may("obj_description('growth.entities_owner_idx'::regclass)")).toEqual(['By owner']);
  });

  inPlace('functions run, triggers fire and views answer without a search_path', async () => {
    await client.query("SET search_path = ''");
    await client.query(`
      INSERT INTO auth.users VALUES ('${ADA}', 'ada@example.org');
      INSERT INTO growth.microsites (slug) VALUES ('home');
      INSERT INTO growth.generation_jobs (microsite_slug, cost) VALUES ('home', 1);
      INSERT INTO growth.entities (owner_id, name) VALUES ('${ADA}', 'Analytical');
      INSERT INTO growth.artifact_comments (entity_id, author_id, body) SELECT id, owner_id, 'x' FROM growth.entities;
      INSERT INTO growth.events VALUES (1, '2025-06-01', 'in its partition');
    `);
    expect(await values('SELECT email FROM shared.users')).toEqual(['ada@example.org']);
    await expect(
      client.query("INSERT INTO shared.users (id, email) VALUES (gen_random_uuid(), 'none')"),
    ).rejects.toThrow('email_check');
    await client.query("UPDATE growth.generation_jobs SET status = 'done'");
    expect(await values("SELECT is_published || ' ' || current_job_id FROM growth.microsites")).toEqual(['true 1']);
    expect(await values('SELECT growth.site_of_job(1)')).toEqual(['home']);
    expect(await values("SELECT site_id || ' ' || is_published FROM growth.open_jobs")).toEqual(['home true']);
    expect(await values("SELECT microsite_slug FROM growth.jobs_of('home') ORDER BY id")).toEqual(['home', 'home']);
    expect(await values('SELECT growth.comment_count(id) FROM growth.entities')).toEqual(['1']);
    expect(await values('SELECT tableoid::regclass::text FROM growth.events')).toEqual(['growth.events_2025']);
    expect(await values("SELECT length(shared.digest_of('x'))")).toEqual(['64']);
    expect(await values("SELECT count(*) FROM growth.like_named('Analytical')")).toEqual(['1']);
    await client.query("CALL growth.rename_site('home', 'house')");
    expect(await values('SELECT microsite_slug FROM growth.generation_jobs WHERE id = 1')).toEqual(['house']);
    await client.query('REFRESH MATERIALIZED VIEW growth.entity_counts');
    expect(await values('SELECT entities FROM growth.entity_counts')).toEqual(['1']);
    await client.query("UPDATE growth.entities SET name = 'Difference', updated_at = '2000-01-01'");
    expect(await values("SELECT updated_at > '2020-01-01' FROM growth.entities")).toEqual(['t']);
  });

  inPlace('a member reads its rows, and nobody else does', async () => {
    const read = async (user: string) => {
      await client.query('BEGIN');
      await client.query('SET LOCAL row_security = on; SET LOCAL ROLE authenticated');
      await client.query("SELECT set_config('request.jwt.claim.sub', $1, true)", [user]);
      const seen = await values('SELECT count(*) FROM growth.entities');
      await client.query('ROLLBACK');
      return seen;
    };
    await client.query('GRANT USAGE ON SCHEMA auth TO authenticated');
    expect(await read(ADA)).toEqual(['1']);
    expect(await read('00000000-0000-4000-8000-000000000002')).toEqual(['0']);
  });
});
