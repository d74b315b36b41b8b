import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { QueryResult } from 'pg';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { packageRoot } from '../../platform/package-root.js';
import { readInventory } from '../../services/migrate/adapters/read-inventory.js';
import { eventually } from '../support/eventually.js';
import { orSkip } from '../support/or-skip.js';
import { ReadyMove } from '../support/ready-move.js';
import { describeWithPostgres } from '../support/servers.js';
import { type VectorServers, vectorServers } from '../support/vector-servers.js';

const DOMAINS = ['core', 'ops', 'comms', 'meetings', 'media', 'work', 'intel'];
const EMBEDDED = [
  'core.contacts',
  'comms.communications',
  'meetings.transcript_chunks',
  'media.media_chunks',
  'intel.insights',
];
/** Ids that config/chief-of-staff/source/data.sql gives. The first user owns the first workspace. */
const idOf = (kind: string, i: number) => `md5('${kind}:${i}')::uuid`;
const MINE = idOf('workspace', 1);

/** One move from the live source to the target that serves; everything that its document says is looked at there. */
describeWithPostgres('the chief of staff, moved while it is written to', () => {
  let servers: Promise<VectorServers>;
  let move: ReadyMove;

  beforeAll(async () => {
    servers = vectorServers();
    const found = await servers.catch(() => undefined);
    if (found) move = await ReadyMove.run({ pipeline: 'chief-of-staff', servers: found, rows: 1_000, rate: 50 });
  });

  afterAll(async () => {
    await move?.[Symbol.asyncDispose]();
    await (await servers.catch(() => undefined))?.stop();
  });

  beforeEach(async ({ skip }) => {
    await orSkip(skip, 'PostgreSQL with pgvector', () => servers);
  });

  /** In the new project, as the requests of a user are run; nothing of it stays. */
  async function asUser<T>(
    user: string,
    work: (query: (sql: string) => Promise<QueryResult>) => Promise<T>,
  ): Promise<T> {
    const { target } = move;
    await target.query(
      'BEGIN ISOLATION LEVEL REPEATABLE READ; SET LOCAL row_security = on; SET LOCAL search_path = public',
    );
    try {
      await target.query(`SELECT set_config('request.jwt.claims', json_build_object('sub', ${user})::text, true)`);
      await target.query('SET LOCAL ROLE authenticated');
      return await work((sql) => target.query(sql));
    } finally {
      await target.query('ROLLBACK');
    }
  }

  const tablesOf = async (more = '') => {
    const { rows } = await move.target.query<{ name: string }>(
      `SELECT schemaname || '.' || tablename AS name FROM pg_tables t
       WHERE schemaname IN (${DOMAINS.map((name) => `'${name}'`).join(', ')}) ${more} ORDER BY 1`,
    );
    return rows.map(({ name }) => name);
  };

  /** Rows of the first workspace and of all others, in each table, as the session sees them. */
  async function rowsByTable(query: (sql: string) => Promise<QueryResult>, tables: readonly string[]) {
    const counts = tables.map((name) => {
      const workspace = name === 'core.workspaces' ? 'id' : 'workspace_id';
      return `SELECT '${name}' AS name, count(*) FILTER (WHERE ${workspace} = ${MINE})::int AS mine,
        count(*) FILTER (WHERE ${workspace} <> ${MINE})::int AS others FROM ${name}`;
    });
    const { rows } = await query(`${counts.join(' UNION ALL ')} ORDER BY 1`);
    return rows.map((row) => ({ name: String(row.name), mine: Number(row.mine), others: Number(row.others) }));
  }

  test('nothing stood against it, and 30 tables were copied', () => {
    expect(move.said).toMatch(/preflight: \d+ checks passed, 0 warnings, 0 errors/);
    expect(move.said.match(/^copied public\.\w+ -> \w+\.\w+: [1-9]\d* rows$/gm)).toHaveLength(30);
  });

  test('the eight verification queries pass', async () => {
    const text = await readFile(join(packageRoot(), 'config/chief-of-staff/verification.sql'), 'utf8');
    const queries = text.split(/^-- (?=\d\. )/m).slice(1);
    expect(queries).toHaveLength(8);
    const counts: number[] = [];
    for (const sql of queries.slice(0, 7)) counts.push((await move.target.query(`-- ${sql}`)).rows.length);
    const [schemas, tables, extension, vectors, secured, indexes, migrations] = counts;
    expect({ schemas, tables, extension, vectors, secured, migrations }).toEqual({
      schemas: 7,
      tables: 30,
      extension: 1,
      vectors: 5,
      secured: 30,
      migrations: 2,
    });
    expect(indexes).toBeGreaterThanOrEqual(80);
    const results = (await move.target.query(`-- ${queries[7]}`)) as unknown as QueryResult[];
    expect(results.at(-2)!.rows.map(({ name }) => name)).toEqual(['Test Workspace']);
  });

  test('the schema has what its document counts', async () => {
    const objects = await readInventory(move.target);
    const ofDomains = objects.filter(({ name }) => DOMAINS.includes(name.split('.')[0]!));
    const count = (kind: string) => ofDomains.filter((one) => one.kind === kind).length;
    expect(
      Object.fromEntries(
        ['schema', 'table', 'enum', 'view', 'function', 'trigger', 'policy'].map((kind) => [kind, count(kind)]),
      ),
    ).toEqual({
      schema: 7,
      table: 30,
      enum: 12,
      view: 3,
      function: 5,
      trigger: 20,
      policy: 146,
    });
    const methods = ofDomains
      .filter(({ kind }) => kind === 'index')
      .map(({ definition }) => / USING (\w+) /.exec(definition)![1]!);
    const using = (method: string) => methods.filter((one) => one === method).length;
    expect({ gin: using('gin'), ivfflat: using('ivfflat') }).toEqual({ gin: 14, ivfflat: 5 });
    expect(using('btree')).toBeGreaterThanOrEqual(80);
    const foreignKeys = ofDomains.filter(
      ({ kind, definition }) => kind === 'constraint' && definition.startsWith('FOREIGN KEY'),
    );
    expect(foreignKeys).toHaveLength(58);
    expect(
      objects.filter(({ kind, name }) => kind === 'function' && name.startsWith('auth.')).map(({ name }) => name),
    ).toEqual([
      'auth.get_founder_id(workspace uuid)',
      'auth.has_workspace_role(workspace uuid, wanted core.role_type)',
      'auth.is_founder(workspace uuid)',
      'auth.is_workspace_admin(workspace uuid)',
      'auth.uid()',
      'auth.user_workspaces()',
    ]);
  });

  test('the owner of a workspace reads all of it, and no row of another, in no table', async () => {
    const tables = await tablesOf();
    const { all, seen } = await asUser(idOf('user', 1), async (query) => {
      await query('RESET ROLE');
      const all = await rowsByTable(query, tables);
      await query('SET LOCAL ROLE authenticated');
      return { all, seen: await rowsByTable(query, tables) };
    });
    expect(all.filter(({ mine, others }) => mine === 0 || others === 0)).toEqual([]);
    expect(seen).toEqual(all.map((row) => ({ ...row, others: 0 })));
  });

  test('a member reads less of it, a stranger nothing, and who is not signed in is refused', async () => {
    const tables = await tablesOf();
    const { rows } =
      await move.target.query(`SELECT user_id FROM core.members WHERE workspace_id = ${MINE} AND role = 'member'
      AND user_id NOT IN (SELECT user_id FROM core.founders) LIMIT 1`);
    const seen = await asUser(`'${rows[0].user_id}'`, (query) => rowsByTable(query, tables));
    expect(seen.filter(({ others }) => others > 0)).toEqual([]);
    expect(seen.filter(({ mine }) => mine === 0).map(({ name }) => name)).toEqual([
      'intel.briefings',
      'ops.audit_log',
      'ops.integrations',
    ]);
    const stranger = await asUser('gen_random_uuid()', (query) => rowsByTable(query, tables));
    expect(stranger.filter(({ mine, others }) => mine + others > 0)).toEqual([]);
    const anonymous = asUser('gen_random_uuid()', (query) => query('SET LOCAL ROLE anon; SELECT FROM core.contacts'));
    await expect(anonymous).rejects.toMatchObject({ code: '42501' });
  });

  test("nobody writes into another's workspace, by a table, a view or a function", async () => {
    const theirs = idOf('workspace', 2);
    const run = (sql: string) => asUser(idOf('user', 1), async (query) => (await query(sql)).rowCount);
    for (const sql of [
      `INSERT INTO core.contacts (workspace_id, full_name) VALUES (${theirs}, 'intruder')`,
      `UPDATE core.contacts SET workspace_id = ${theirs}`,
      `SELECT ops.append_event(${theirs}, 'stream', 'type')`,
      `INSERT INTO core.members (workspace_id, user_id, role) VALUES (${theirs}, auth.uid(), 'owner')`,
    ]) {
      await expect(run(sql), sql).rejects.toMatchObject({ code: '42501' });
    }
    expect(await run(`UPDATE core.contacts SET notes = '' WHERE workspace_id = ${theirs}`)).toBe(0);
    expect(await run(`DELETE FROM work.tasks WHERE workspace_id = ${theirs}`)).toBe(0);
    expect(await run(`SELECT FROM core.contact_overview WHERE workspace_id = ${theirs}`)).toBe(0);
    expect(await run(`INSERT INTO core.contacts (workspace_id, full_name) VALUES (${MINE}, 'guest')`)).toBe(1);
    expect(await run(`SELECT ops.append_event(${MINE}, 'stream', 'type')`)).toBe(1);
    expect(await run('UPDATE ops.events SET type = type')).toBe(0);
  });

  test('updated_at rises with every change of a row', async () => {
    const tables =
      await tablesOf(`AND EXISTS (SELECT FROM information_schema.columns c WHERE c.table_schema = t.schemaname
      AND c.table_name = t.tablename AND c.column_name = 'updated_at')`);
    expect(tables).toHaveLength(20);
    for (const name of tables) {
      // One at a time, and by another statement, which sees what was waited for: the application writes, too.
      await move.target.query('BEGIN');
      const { rows: found } = await move.target.query(`SELECT ctid, updated_at FROM ${name} LIMIT 1 FOR UPDATE`);
      const { rows } = await move.target.query(
        `UPDATE ${name} SET created_at = created_at WHERE ctid = $1
         RETURNING updated_at >= now() AND updated_at > $2::timestamptz AS ok`,
        [found[0].ctid, found[0].updated_at],
      );
      await move.target.query('ROLLBACK');
      expect(rows, name).toEqual([{ ok: 't' }]);
    }
  });

  test.each(EMBEDDED)('the nearest of %s are found by its index as without it', async (table) => {
    const { target } = move;
    const away = `embedding <=> (SELECT embedding FROM ${table} WHERE embedding IS NOT NULL ORDER BY id LIMIT 1)`;
    // Rows that are as far away as each other come in any order.
    const byIndex = `SELECT ${away} AS away FROM ${table} WHERE embedding IS NOT NULL ORDER BY ${away} LIMIT 5`;
    const look = async () => {
      await target.query(
        'BEGIN ISOLATION LEVEL REPEATABLE READ; SET LOCAL search_path = public; SET LOCAL ivfflat.probes = 100',
      );
      try {
        const { rows: exact } = await target.query(byIndex.replace(' LIMIT 5', ', id LIMIT 5'));
        await target.query('SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off');
        const { rows: plan } = await target.query(`EXPLAIN ${byIndex}`);
        expect(JSON.stringify(plan)).toMatch(/Index Scan using idx_\w+_embedding/);
        return { exact, near: (await target.query(byIndex)).rows };
      } finally {
        await target.query('ROLLBACK');
      }
    };
    // An index over rows that had changed before it was made is not used while a transaction of then is open, in any database.
    const { exact, near } = await eventually(look, { what: `${table} to be read by its index`, timeoutMs: 60_000 });
    expect(exact).toHaveLength(5);
    expect(Number(exact[0]!.away)).toBeCloseTo(0, 6);
    expect(near).toEqual(exact);
  });

  test('semantic search finds what its user may see', async () => {
    const { rows } = await move.target.query(
      `SELECT embedding FROM core.contacts WHERE embedding IS NOT NULL AND workspace_id <> ${MINE} LIMIT 1`,
    );
    const search = `SELECT m.id, c.workspace_id = ${MINE} AS mine FROM core.match_contacts('${rows[0].embedding}', 3) m
      LEFT JOIN core.contacts c USING (id)`;
    const found = await asUser(idOf('user', 1), async (query) => (await query(search)).rows);
    expect(found.map(({ mine }) => mine)).toEqual(['t', 't', 't']);
    const mail = `SELECT similarity > 0.99 AS same FROM comms.match_communications(
      (SELECT embedding FROM comms.communications WHERE embedding IS NOT NULL LIMIT 1), 1)`;
    expect(await asUser(idOf('user', 1), async (query) => (await query(mail)).rows)).toEqual([{ same: 't' }]);
  });

  test('keys go on behind those of the old project, and references are looked after', async () => {
    const { target } = move;
    const insert = `INSERT INTO intel.signals (workspace_id, name) VALUES (${MINE}, 'new') RETURNING id`;
    const { rows: last } = await move.source.query('SELECT max(id) AS id FROM public.signals');
    expect(Number((await target.query(insert)).rows[0].id)).toBeGreaterThan(Number(last[0].id));
    const orphan = `INSERT INTO comms.threads (workspace_id, channel_id) VALUES (${MINE}, gen_random_uuid())`;
    await expect(target.query(orphan)).rejects.toMatchObject({ code: '23503' });
    await expect(move.source.query("UPDATE public.contacts SET notes = 'late'")).rejects.toMatchObject({
      code: '40001',
    });
  });

  test('every table was found equal, and no write was lost', async () => {
    const { code, report } = await move.end();
    expect(report.application).toMatchObject({ lost: 0, failed: 0, errors: {} });
    expect(report.application.writesOnSource).toBeGreaterThan(0);
    expect(report.application.writesOnTarget).toBeGreaterThan(0);
    expect(report.tables.map(({ equal }) => equal)).toEqual(Array(30).fill(true));
    expect({ code, ok: report.ok }).toEqual({ code: 0, ok: true });
  });
});
