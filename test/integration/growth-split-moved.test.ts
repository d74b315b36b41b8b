import { join } from 'node:path';
import type { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type TableMapping, targetColumn } from '../../core/mapping.js';
import { displayName } from '../../core/relation.js';
import { type LoadedPipeline, loadPipeline } from '../../platform/load-pipeline.js';
import { packageRoot } from '../../platform/package-root.js';
import type { CutoverReport } from '../../services/control/cutover/report.js';
import type { MigrationReport } from '../../services/control/report/migration-report.js';
import { readInventory } from '../../services/migrate/adapters/read-inventory.js';
import { eventually } from '../support/eventually.js';
import { ReadyMove } from '../support/ready-move.js';
import { describeWithPostgres, testServers } from '../support/servers.js';

const CONFIG = join(packageRoot(), 'config', 'growth-split');
const SCHEMAS = "('growth', 'engineering', 'product', 'shared')";

/** What the document lists, and the tables that its audit counts. */
const TABLES = {
  growth: `artifact_comments artifacts credit_accounts entities entity_tags generation_jobs jobs microsite_sections
    microsites prompts tags templates`,
  engineering: 'artifacts entities jobs wiki_pages',
  product: 'artifacts entities',
  shared: 'activity_log cross_links mode_config users',
};

/** As the document writes it, but for the foreign key: users are shared's. */
const CROSS_LINKS = `
  CREATE TABLE document.cross_links (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    source_mode TEXT NOT NULL CHECK (source_mode IN ('growth', 'engineering', 'product')),
    source_type TEXT NOT NULL,
    source_id UUID NOT NULL,
    target_mode TEXT NOT NULL CHECK (target_mode IN ('growth', 'engineering', 'product')),
    target_type TEXT NOT NULL,
    target_id UUID NOT NULL,
    link_type TEXT NOT NULL,
    confidence FLOAT CHECK (confidence >= 0 AND confidence <= 1),
    created_by UUID,
    created_at TIMESTAMPTZ DEFAULT NOW(),
    metadata JSONB DEFAULT '{}',
    UNIQUE(source_mode, source_id, target_mode, target_id, link_type)
  );
  ALTER TABLE document.cross_links ADD CONSTRAINT cross_links_created_by_fk FOREIGN KEY (created_by) REFERENCES shared.users(id);
  CREATE INDEX idx_cross_links_source ON document.cross_links(source_mode, source_id);
  CREATE INDEX idx_cross_links_target ON document.cross_links(target_mode, target_id);`;

const FOREIGN_KEYS = `
  SELECT cn.nspname AS schema, c.relname AS "table", pn.nspname AS parent_schema, p.relname AS parent,
    ARRAY(SELECT attname::text FROM unnest(conkey) WITH ORDINALITY k (n, i) JOIN pg_attribute ON attrelid = c.oid AND attnum = n ORDER BY i)::text AS columns,
    ARRAY(SELECT attname::text FROM unnest(confkey) WITH ORDINALITY k (n, i) JOIN pg_attribute ON attrelid = p.oid AND attnum = n ORDER BY i)::text AS refers_to,
    concat_ws(' ', confupdtype, confdeltype, condeferrable, condeferred, convalidated) AS action
  FROM pg_constraint JOIN pg_class c ON c.oid = conrelid JOIN pg_namespace cn ON cn.oid = c.relnamespace
  JOIN pg_class p ON p.oid = confrelid JOIN pg_namespace pn ON pn.oid = p.relnamespace WHERE contype = 'f'`;

/** Row i of a kind has this id in config/growth-split/source/data.sql. */
const idOf = (kind: string, i: number) => `md5('${kind}:${i}')::uuid`;

type Row = Record<string, string | null>;
const texts = (rows: readonly object[]) => rows.map((row) => JSON.stringify(row)).sort();

/** One move from the live source to the target that serves; everything that its documents say is looked at there. */
describeWithPostgres('the growth split, moved while it is written to', () => {
  let move: ReadyMove;
  let pipeline: LoadedPipeline;
  let mappings: readonly TableMapping[];

  beforeAll(async () => {
    move = await ReadyMove.run({ pipeline: 'growth-split', servers: testServers(), rows: 2_500, rate: 60 });
    pipeline = await loadPipeline(CONFIG, { SOURCE_URL: 'postgres://s/s', TARGET_URL: 'postgres://t/t' });
    mappings = pipeline.tables;
  });

  afterAll(async () => {
    await move?.[Symbol.asyncDispose]();
  });

  const rowsOf = async (side: Client, sql: string) => (await side.query<Row>(sql)).rows;

  /** In the new project; nothing of it stays. @param user who is signed in; undefined: nobody. */
  async function asRole<T>(
    role: string,
    user: string | undefined,
    work: (query: (sql: string) => Promise<Row[]>) => Promise<T>,
  ) {
    const { target } = move;
    const query = (sql: string) => rowsOf(target, sql);
    await query('BEGIN; SET LOCAL row_security = on; SET LOCAL search_path = pg_catalog');
    try {
      if (user) await query(`SELECT set_config('request.jwt.claim.sub', ${user}::text, true)`);
      await query(`SET LOCAL ROLE ${role}`);
      return await work(query);
    } finally {
      await query('ROLLBACK');
    }
  }

  const denied = (role: string, user: string | undefined, sql: string) =>
    expect(
      asRole(role, user, (query) => query(sql)),
      sql,
    ).rejects.toMatchObject({ code: '42501' });

  test('nothing stood against it, and all rows of the 14 tables were in both projects when it was cut over', async () => {
    expect(move.said).toMatch(/old project: 14 tables, 2500 rows/);
    expect(move.said).toMatch(/preflight: \d+ checks passed, 0 warnings, 0 errors/);
    expect(move.said.match(/^copied public\.\w+ -> \w+\.\w+: [1-9]\d* rows$/gm)).toHaveLength(14);
    const { json, code, stderr } = await move.ferry('report', '--json', '-c', CONFIG);
    expect(code, stderr).toBe(0);
    const { tables, criteria } = json<MigrationReport>();
    expect(tables).toHaveLength(14);
    expect(tables.filter(({ sourceRows, targetRows }) => sourceRows === 0 || sourceRows !== targetRows)).toEqual([]);
    expect(criteria.slice(0, 2)).toMatchObject([{ isMet: true }, { wanted: 'less than 5 minutes', isMet: true }]);
  });

  test('each schema has the tables that the documents list, public none; engineering and product are empty', async () => {
    const found = await rowsOf(
      move.target,
      `SELECT schemaname || '.' || tablename AS name FROM pg_tables
       WHERE schemaname !~ '^pg_' AND schemaname NOT IN ('information_schema', 'ferry')`,
    );
    const listed = Object.entries(TABLES).flatMap(([schema, tables]) =>
      tables.split(/\s+/).map((table) => `${schema}.${table}`),
    );
    const history = ['public.schema_migrations', 'public.schema_migrations_log'];
    expect(found.map(({ name }) => name!).sort()).toEqual([...listed, ...history].sort());
    const empty = listed.filter((name) => /^(engineering|product)\.|cross_links/.test(name));
    const counts = empty.map((name) => `SELECT '${name}' AS name FROM ${name}`);
    expect(await rowsOf(move.target, counts.join(' UNION ALL '))).toEqual([]);
    expect(await rowsOf(move.target, 'SELECT mode, is_enabled FROM shared.mode_config ORDER BY 1')).toEqual([
      { mode: 'engineering', is_enabled: 'f' },
      { mode: 'growth', is_enabled: 't' },
      { mode: 'product', is_enabled: 'f' },
    ]);
  });

  test('the enums stand where their tables do', async () => {
    const enums = (side: Client, schema: string) =>
      rowsOf(
        side,
        `SELECT typname AS name, string_agg(enumlabel, ',' ORDER BY enumsortorder) AS labels FROM pg_enum
         JOIN pg_type t ON t.oid = enumtypid WHERE typnamespace = '${schema}'::regnamespace GROUP BY 1 ORDER BY 1`,
      );
    const old = await enums(move.source, 'public');
    expect(old.map(({ name }) => name)).toEqual(['artifact_type', 'entity_type', 'job_status', 'section_type']);
    expect(await enums(move.target, 'growth')).toEqual(old);
    expect(await enums(move.target, 'public')).toEqual([]);
  });

  test('shared.cross_links is as the document writes it', async () => {
    const { target } = move;
    await target.query('BEGIN');
    const objects = await (async () => {
      await target.query(`CREATE SCHEMA document; ${CROSS_LINKS}`);
      return readInventory(target);
    })().finally(() => target.query('ROLLBACK'));
    const of = (schema: string) =>
      objects
        .filter(({ kind, name }) => ['column', 'constraint', 'index'].includes(kind) && name.startsWith(`${schema}.`))
        .filter(({ name, definition }) => `${name} ${definition}`.includes('cross_links'))
        .map(({ kind, name, definition }) => `${kind} ${name} ${definition}`.replaceAll(`${schema}.`, ''))
        .sort();
    expect(of('document').length).toBeGreaterThan(18);
    expect(of('shared').filter((text) => !text.includes('REFERENCES'))).toEqual(
      of('document').filter((text) => !text.includes('REFERENCES')),
    );
    const reference = `${FOREIGN_KEYS} AND conname = 'cross_links_created_by_fk'`;
    expect(await rowsOf(target, reference)).toMatchObject([
      { columns: '{created_by}', parent_schema: 'shared', parent: 'users' },
    ]);
  });

  test('every foreign key of the old project stands in the new one, rebound and validated', async () => {
    const mapped = (schema: string, table: string) =>
      mappings.find(({ source }) => displayName(source) === `${schema}.${table}`)!;
    const listed = (list: string) => list.slice(1, -1).split(',');
    // What the way back keeps in the old project is no table of it.
    const ofTheProject = (await rowsOf(move.source, FOREIGN_KEYS)).filter(({ schema }) => schema !== 'ferry');
    const moved = ofTheProject.map((key): Row => {
      const [child, parent] = [mapped(key.schema!, key.table!), mapped(key.parent_schema!, key.parent!)];
      const named = (mapping: TableMapping, list: string) =>
        `{${listed(list)
          .map((column) => targetColumn(mapping, column))
          .join(',')}}`;
      return {
        ...key,
        schema: child.target.schema,
        table: child.target.table,
        parent_schema: parent.target.schema,
        parent: parent.target.table,
        columns: named(child, key.columns!),
        refers_to: named(parent, key.refers_to!),
      };
    });
    expect(moved.length).toBeGreaterThan(15);
    const found = await rowsOf(move.target, FOREIGN_KEYS);
    const isNew = ({ schema, table }: Row) => /engineering|product|ferry/.test(schema!) || table === 'cross_links';
    expect(texts(found.filter((key) => !isNew(key)))).toEqual(texts(moved));
    expect(found.filter(({ action }) => !action!.endsWith('t'))).toEqual([]);
  });

  test('the circle is closed: a site and its job are written together, and neither refers to one that is not there', async () => {
    const site = (job: string) =>
      `INSERT INTO growth.microsites (slug, owner_id, title, current_job_id) VALUES ('circle', ${idOf('user', 1)}, 't', ${job})`;
    const job = `INSERT INTO growth.generation_jobs (id, microsite_slug, model) VALUES (-1, 'circle', 'small')`;
    const check = 'SET CONSTRAINTS ALL IMMEDIATE';
    const written = (...statements: string[]) =>
      asRole('service_role', undefined, async (query) => {
        for (const sql of [...statements, check]) await query(sql);
        return query(
          "SELECT m.slug FROM growth.microsites m JOIN growth.generation_jobs j ON j.id = m.current_job_id WHERE slug = 'circle'",
        );
      });
    expect(await written(site('-1'), job)).toEqual([{ slug: 'circle' }]);
    await expect(written(site('-1'))).rejects.toMatchObject({ code: '23503' });
    await expect(written(job)).rejects.toMatchObject({ code: '23503' });
  });

  test('functions stand in the schemas of their modes, name every table, and answer as before', async () => {
    const { source, target } = move;
    const functions = await rowsOf(
      target,
      `SELECT format('%s.%s', nspname, proname) AS name, prosrc AS body, proconfig::text AS settings FROM pg_proc
       JOIN pg_namespace n ON n.oid = pronamespace WHERE nspname IN ${SCHEMAS} OR nspname = 'public' ORDER BY 1`,
    );
    expect(functions.map(({ name }) => name)).toEqual([
      'growth.entity_artifact_count',
      'growth.publish_microsite',
      'shared.is_admin',
      'shared.set_updated_at',
    ]);
    expect(
      functions.filter(({ body, settings }) => body!.includes('public') || !settings?.includes('search_path')),
    ).toEqual([]);
    const counts = (schema: string) =>
      `SELECT i, ${schema}.entity_artifact_count(md5('entity:' || i)::uuid) AS n FROM generate_series(1, 20) i ORDER BY i`;
    const before = await rowsOf(source, counts('public'));
    expect(before.filter(({ n }) => n !== '0').length).toBeGreaterThan(10);
    expect(await rowsOf(target, counts('growth'))).toEqual(before);
    const published = await asRole('service_role', undefined, async (query) => {
      const [hidden] = await query('SELECT slug FROM growth.microsites WHERE NOT is_published ORDER BY slug LIMIT 1');
      const slug = `'${hidden!.slug!.replaceAll("'", "''")}'`;
      await query(`SELECT growth.publish_microsite(${slug})`);
      return query(`SELECT is_published FROM growth.microsites WHERE slug = ${slug}`);
    });
    expect(published).toEqual([{ is_published: 't' }]);
  });

  test('every table is secured, with the policies that it had', async () => {
    const { source, target } = move;
    const policies = (side: Client) =>
      rowsOf(
        side,
        `SELECT schemaname AS schema, tablename AS "table", policyname AS name, cmd, roles::text AS roles FROM pg_policies
        WHERE schemaname IN ${SCHEMAS} OR schemaname = 'public'`,
      );
    const names = new Map(mappings.map((mapping) => [displayName(mapping.source), mapping.target]));
    const old = (await policies(source)).map((policy) => ({
      ...policy,
      ...names.get(`${policy.schema}.${policy.table}`)!,
    }));
    expect(old.length).toBeGreaterThan(28);
    expect(texts(await policies(target))).toEqual(expect.arrayContaining(texts(old)));
    const open = `SELECT schemaname, tablename FROM pg_tables t WHERE schemaname IN ${SCHEMAS} AND (NOT rowsecurity
      OR NOT EXISTS (SELECT FROM pg_policies p WHERE p.schemaname = t.schemaname AND p.tablename = t.tablename AND cmd = 'SELECT'))`;
    expect(await rowsOf(target, open)).toEqual([]);
  });

  test('who is signed in reads everything and writes what is theirs', async () => {
    const owner = idOf('user', 8);
    const tables = Object.entries(TABLES).flatMap(([schema, names]) =>
      names.split(/\s+/).map((name) => `${schema}.${name}`),
    );
    const counts = tables.map((name) => `SELECT '${name}' AS name, count(*) AS n FROM ${name}`).join(' UNION ALL ');
    const [seen, all] = await asRole('authenticated', owner, async (query) => {
      const seen = await query(counts);
      await query('RESET ROLE; SET LOCAL row_security = off');
      return [seen, await query(counts)];
    });
    const names = (rows: Row[]) => rows.map(({ name, n }) => `${name} ${n === '0'}`);
    // The application goes on writing meanwhile.
    expect(names(seen!)).toEqual(names(all!));
    const renamed = (whose: string) =>
      `UPDATE growth.entities SET name = 'mine' WHERE ${whose} RETURNING owner_id = ${owner} AS own`;
    const changed = await asRole('authenticated', owner, (query) => query(renamed("created_at < '2026-01-01'")));
    expect(changed.length).toBeGreaterThan(0);
    expect(changed.filter(({ own }) => own !== 't')).toEqual([]);
    const link = (
      by: string,
    ) => `INSERT INTO shared.cross_links (source_mode, source_type, source_id, target_mode, target_type, target_id, link_type, created_by)
      VALUES ('growth', 'entity', gen_random_uuid(), 'engineering', 'entity', gen_random_uuid(), 'same', ${by}) RETURNING target_mode`;
    expect(await asRole('authenticated', owner, (query) => query(link(owner)))).toHaveLength(1);
    await denied('authenticated', owner, link(idOf('user', 2)));
    await denied('authenticated', owner, `INSERT INTO growth.jobs (kind) VALUES ('mine')`);
    const own = `UPDATE shared.users SET display_name = 'me' RETURNING id = ${owner} AS own`;
    expect(await asRole('authenticated', owner, (query) => query(own))).toEqual([{ own: 't' }]);
  });

  test('an admin writes what is of others; who is not signed in reads published sites alone', async () => {
    const [admin] = await rowsOf(move.target, "SELECT id FROM shared.users WHERE role = 'admin' AND is_active LIMIT 1");
    const all = `UPDATE growth.microsites SET title = 'theirs'
      WHERE created_at < '2026-01-01' AND owner_id <> '${admin!.id}' RETURNING slug`;
    expect((await asRole('authenticated', `'${admin!.id}'`, (query) => query(all))).length).toBeGreaterThan(0);
    const sites = await asRole('anon', undefined, (query) =>
      query('SELECT DISTINCT is_published FROM growth.microsites'),
    );
    expect(sites).toEqual([{ is_published: 't' }]);
    for (const table of ['growth.entities', 'shared.users', 'engineering.entities', 'product.entities']) {
      await denied('anon', undefined, `SELECT FROM ${table}`);
    }
  });

  test('updated_at rises with every change of a row', async () => {
    const { target } = move;
    const tables = await rowsOf(
      target,
      `SELECT format('%I.%I', table_schema, table_name) AS name FROM information_schema.columns c
       WHERE column_name = 'updated_at' AND table_schema IN ${SCHEMAS} ORDER BY 1`,
    );
    expect(tables).toHaveLength(17);
    const unstamped: (string | null | undefined)[] = [];
    for (const { name } of tables) {
      // One at a time: the application waits for one row at the most.
      await target.query('BEGIN');
      const [one] = await rowsOf(target, `SELECT ctid FROM ${name} LIMIT 1 FOR UPDATE`);
      const row =
        one &&
        (await rowsOf(
          target,
          `UPDATE ${name} SET updated_at = '1999-01-01' WHERE ctid = '${one.ctid}' RETURNING updated_at >= now() AS ok`,
        ));
      await target.query('ROLLBACK');
      const isEmpty = /^(engineering|product)\./.test(name!);
      if (isEmpty ? row !== undefined : row?.[0]?.ok !== 't') unstamped.push(name);
    }
    expect(unstamped).toEqual([]);
    const triggers = `SELECT tgrelid::regclass AS name FROM pg_trigger WHERE tgfoid = 'shared.set_updated_at'::regproc`;
    expect(await rowsOf(target, triggers)).toHaveLength(17);
  });

  test('sequences go on behind the ids of the old project', async () => {
    const { source, target } = move;
    const owned = `SELECT format('%I.%I', n.nspname, c.relname) AS name, attname AS column, pg_get_serial_sequence(format('%I.%I', n.nspname, c.relname), attname) AS sequence
      FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace JOIN pg_attribute ON attrelid = c.oid AND attnum > 0
      WHERE relkind = 'r' AND nspname IN ('public', 'growth', 'shared') AND relname !~ '^schema_migrations'
        AND pg_get_serial_sequence(format('%I.%I', n.nspname, c.relname), attname) IS NOT NULL`;
    const old = await rowsOf(source, owned);
    const now = new Map((await rowsOf(target, owned)).map((one) => [one.name, one.sequence]));
    expect([old.length, now.size]).toEqual([6, 6]);
    for (const { name, column, sequence } of old) {
      const mapping = mappings.find((one) => displayName(one.source) === name)!;
      const [last] = await rowsOf(
        source,
        `SELECT greatest(max(${column}), (SELECT last_value FROM ${sequence})) AS id FROM ${name}`,
      );
      const [next] = await rowsOf(target, `SELECT nextval('${now.get(displayName(mapping.target))}') AS id`);
      expect(BigInt(next!.id!) > BigInt(last!.id!), name!).toBe(true);
    }
  });

  test('the old project is kept for the days of grace, and closed', async () => {
    const tables = mappings.map(({ source }) => displayName(source));
    const counts = tables.map((name) => `SELECT '${name}' AS name WHERE NOT EXISTS (SELECT FROM ${name})`);
    expect(await rowsOf(move.source, counts.join(' UNION ALL '))).toEqual([]);
    for (const name of tables) {
      await expect(move.source.query(`DELETE FROM ${name}`), name).rejects.toMatchObject({ code: '40001' });
    }
    expect(pipeline.cutover.graceDays).toBe(7);
  });

  test('ferry rollback, as the demo names it, brings the traffic back with what the new project took', async () => {
    expect(move.said).toContain(`npx ferry rollback -c ${CONFIG}`);
    const { json, code, stderr } = await move.ferry('rollback', '--json', '-c', CONFIG);
    expect(code, stderr).toBe(0);
    const report = json<CutoverReport>();
    expect(report).toMatchObject({ ok: true, serving: 'source', tables: { length: 14 } });
    expect(report.tables.filter(({ equal }) => !equal)).toEqual([]);
    const written = async () => (await rowsOf(move.source, 'SELECT count(*) AS n FROM public.activity_log'))[0]!.n;
    const before = await written();
    await eventually(async () => (await written()) !== before, { what: 'the application to write to the old project' });
    await expect(move.target.query('DELETE FROM growth.tags')).rejects.toMatchObject({ code: '40001' });
  });

  test('every query of the application went on where it was moved to, and no write was lost', async () => {
    const { code, report } = await move.end();
    expect(report.application).toMatchObject({ lost: 0, failed: 0, errors: {} });
    expect(report.application.writesOnSource).toBeGreaterThan(0);
    expect(report.application.writesOnTarget).toBeGreaterThan(0);
    expect(report.tables.map(({ equal }) => equal)).toEqual(Array(14).fill(true));
    expect({ code, ok: report.ok }).toEqual({ code: 0, ok: true });
  });
});
