import { join } from 'node:path';
import type { Client } from 'pg';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { packageRoot } from '../../platform/package-root.js';
import { readInventory } from '../../services/migrate/adapters/read-inventory.js';
import { APPLICATIONS, DDL, SERVICES } from '../support/disruptor-document.js';
import { KEYS, MEMORIES, OWN, REFERENCES, winners } from '../support/disruptor-source.js';
import { eventually } from '../support/eventually.js';
import { orSkip } from '../support/or-skip.js';
import { ReadyMove } from '../support/ready-move.js';
import { describeWithPostgres } from '../support/servers.js';
import { type VectorServers, vectorServers } from '../support/vector-servers.js';

const CONFIG = join(packageRoot(), 'config', 'disruptor');

const words = (text: string) => text.split(/\s+/);
const sorted = (names: readonly string[]) => [...names].sort();
const pairs = (schema: string, tables: string) => words(tables).map((table) => `${schema}.${table}`);
/** One move from the live source to the target that serves; everything that its document says is looked at there. */
describeWithPostgres('the disruptor, moved while it is written to', () => {
  let servers: Promise<VectorServers>;
  let move: ReadyMove;

  beforeAll(async () => {
    servers = vectorServers();
    const found = await servers.catch(() => undefined);
    if (found) move = await ReadyMove.run({ pipeline: 'disruptor', servers: found, rows: 1_000, rate: 40 });
  });

  afterAll(async () => {
    await move?.[Symbol.asyncDispose]();
    await (await servers.catch(() => undefined))?.stop();
  });

  beforeEach(async ({ skip }) => {
    await orSkip(skip, 'PostgreSQL with pgvector', () => servers);
  });

  const rowsOf = async (side: Client, sql: string) => (await side.query<Record<string, string | null>>(sql)).rows;
  /** Types and operators of the extension stand in public. */
  async function inPublic<T>(side: Client, work: () => Promise<T>): Promise<T> {
    await side.query('BEGIN ISOLATION LEVEL REPEATABLE READ; SET LOCAL search_path = public');
    try {
      return await work();
    } finally {
      await side.query('ROLLBACK');
    }
  }

  test('95 tables of public, six of maas and two of core had rows to move', async () => {
    const tables = await rowsOf(
      move.source,
      `SELECT schemaname AS schema, quote_ident(schemaname) || '.' || quote_ident(tablename) AS name FROM pg_tables
       WHERE schemaname IN ('public', 'maas', 'core')`,
    );
    const of = (schema: string) => tables.filter((table) => table.schema === schema).length;
    expect({ public: of('public'), maas: of('maas'), core: of('core') }).toEqual({ public: 95, maas: 6, core: 2 });
    const counts = tables.map(({ name }) => `SELECT '${name}' AS name WHERE NOT EXISTS (SELECT FROM ${name})`);
    expect(await rowsOf(move.source, counts.join(' UNION ALL '))).toEqual([]);
    expect(move.said).toMatch(/old project: 103 tables, 1000 rows/);
    expect(move.said).toMatch(/preflight: \d+ checks passed, 2 warnings, 0 errors/);
  });

  test('each of the 18 schemas has the tables that the document lists, and public has none', async () => {
    const found = await rowsOf(
      move.target,
      `SELECT schemaname || '.' || tablename AS name FROM pg_tables
       WHERE schemaname !~ '^pg_' AND schemaname NOT IN ('information_schema', 'ferry')`,
    );
    const services = Object.entries(SERVICES).flatMap(([schema, { tables }]) => pairs(schema, tables));
    const applications = Object.entries(APPLICATIONS).flatMap(([schema, tables]) => pairs(schema, tables));
    expect(services).toHaveLength(82);
    expect(Object.keys({ ...SERVICES, ...APPLICATIONS })).toHaveLength(18);
    const history = ['public.schema_migrations', 'public.schema_migrations_log'];
    expect(sorted(found.map(({ name }) => name!))).toEqual(sorted([...services, ...applications, ...history]));
  });

  test('the tables that the document writes out are as it writes them', async () => {
    const objects = await inPublic(move.target, async () => {
      await move.target.query(`CREATE SCHEMA document; ${DDL.replaceAll('security_service.', 'document.')}`);
      return readInventory(move.target);
    });
    const kinds = ['column', 'constraint', 'index'];
    const text = ({ kind, name, definition }: (typeof objects)[number]) => `${kind} ${name} ${definition}`;
    const written = objects.filter(({ kind, name }) => kinds.includes(kind) && name.startsWith('document.'));
    expect(written.length).toBeGreaterThan(70);
    expect(objects.map(text)).toEqual(
      expect.arrayContaining(written.map((object) => text(object).replaceAll('document.', 'security_service.'))),
    );
    const own = objects.filter(
      ({ kind, name }) => kind === 'column' && /^security_service\.(api_keys|users)\./.test(name),
    );
    expect(own).toHaveLength(
      written.filter(({ kind, name }) => kind === 'column' && /\.(api_keys|users)\./.test(name)).length,
    );
  });

  test('grants, default privileges and comments are as the document gives them', async () => {
    const { target } = move;
    const schemas = await rowsOf(
      target,
      `SELECT nspname AS name, obj_description(oid, 'pg_namespace') AS comment,
              has_schema_privilege('authenticated', oid, 'USAGE') AND has_schema_privilege('service_role', oid, 'USAGE') AS used,
              has_schema_privilege('anon', oid, 'USAGE') AS open
       FROM pg_namespace WHERE nspname NOT IN ('public', 'information_schema', 'ferry', 'auth') AND nspname !~ '^pg_' ORDER BY 1`,
    );
    const expected = [
      ...Object.entries(SERVICES).map(([name, { comment }]) => ({ name, comment, used: 't', open: 'f' })),
      ...Object.keys(APPLICATIONS).map((name) => ({ name, comment: null, used: 't', open: 'f' })),
    ];
    expect(schemas).toEqual(expected.sort((a, b) => (a.name < b.name ? -1 : 1)));
    const defaults = await rowsOf(
      target,
      `SELECT n.nspname AS schema, d.defaclobjtype AS type, a.grantee::regrole AS role,
              string_agg(a.privilege_type, ' ' ORDER BY a.privilege_type) FILTER (WHERE a.privilege_type <> 'MAINTAIN') AS privileges
       FROM pg_default_acl d JOIN pg_namespace n ON n.oid = d.defaclnamespace, aclexplode(d.defaclacl) a
       GROUP BY 1, 2, 3 ORDER BY 1, 2`,
    );
    expect(defaults).toEqual(
      sorted(Object.keys(SERVICES)).flatMap((schema) => [
        { schema, type: 'S', role: 'authenticated', privileges: 'SELECT UPDATE USAGE' },
        {
          schema,
          type: 'r',
          role: 'authenticated',
          privileges: 'DELETE INSERT REFERENCES SELECT TRIGGER TRUNCATE UPDATE',
        },
      ]),
    );
    const closed = await rowsOf(
      target,
      `SELECT schemaname, tablename FROM pg_tables, unnest(ARRAY['authenticated', 'service_role']) AS role
       WHERE schemaname !~ '^pg_' AND schemaname NOT IN ('information_schema', 'ferry', 'public')
         AND NOT has_table_privilege(role, format('%I.%I', schemaname, tablename), 'SELECT, INSERT, UPDATE, DELETE')`,
    );
    expect(closed).toEqual([]);
  });

  test('a user reaches the own keys among the merged ones, and no others', async () => {
    const { target } = move;
    const owners = 'SELECT user_id, count(*) AS n FROM security_service.api_keys GROUP BY 1 ORDER BY 1 LIMIT 1';
    const [seen, all] = await inPublic(target, async () => {
      const [owner] = await rowsOf(target, owners);
      await target.query(`SET LOCAL row_security = on; SET LOCAL "request.jwt.claim.sub" = '${owner!.user_id}'`);
      await target.query('SET LOCAL ROLE authenticated');
      return [await rowsOf(target, owners), [owner]];
    });
    expect(seen).toEqual(all);
  });

  test('of the four tables of keys each key stands once, as the first of them has it', async () => {
    const columns = 'hash, name, user_id, prefix, type, status';
    const expected = await rowsOf(move.source, `SELECT ${columns} FROM (${winners()}) AS w`);
    const found = await rowsOf(
      move.target,
      `SELECT key_hash AS hash, name, user_id, key_prefix AS prefix, key_type AS type, status FROM security_service.api_keys`,
    );
    expect(new Set(found.map(({ hash }) => hash)).size).toBe(found.length);
    const ofFixture = (rows: typeof found) =>
      rows.filter(({ prefix }) => prefix !== OWN).map((row) => JSON.stringify(row));
    expect(ofFixture(expected)).toHaveLength(40);
    expect(sorted(ofFixture(found))).toEqual(sorted(ofFixture(expected)));
    // Those of the application that it has not dropped since.
    const before = new Map(expected.map((row) => [row.hash, row]));
    const stayed = found.filter(({ hash, prefix }) => prefix === OWN && before.has(hash!));
    expect(stayed.length).toBeGreaterThan(0);
    expect(stayed).toEqual(stayed.map(({ hash }) => before.get(hash!)));
  });

  test('while they were copied and streamed, keys that stood were taken out, and keys behind others', async () => {
    const tables = ['api_keys', 'stored_api_keys', 'vendor_api_keys_v2', 'vendor_api_keys'];
    const events = await rowsOf(move.source, "SELECT detail FROM public.key_security_events WHERE event = 'taken out'");
    const taken = events.map(({ detail }) => JSON.parse(detail!) as { hash: string; from: string[]; left: string[] });
    const rank = (table: string) => tables.indexOf(table);
    const stood = taken.filter(
      ({ from, left }) => left.length > 0 && left.every((other) => rank(from[0]!) < rank(other)),
    );
    const stoodNot = taken.filter(({ from, left }) => left.length > 0 && !stood.some((one) => one.from === from));
    expect(stood.length).toBeGreaterThan(0);
    expect(stoodNot.length).toBeGreaterThan(0);
  });

  test('where a key came from is known', async () => {
    const [both] = await rowsOf(
      move.source,
      `SELECT s.id AS stored, k.id AS first FROM public.stored_api_keys s JOIN public.api_keys k ON k.key_hash = s.hash
       WHERE s.prefix <> '${OWN}' ORDER BY s.id LIMIT 1`,
    );
    const traced = await move.ferry('map', 'trace', 'public.stored_api_keys', both!.stored!, '--json', '-c', CONFIG);
    expect(traced.json<{ rows: object[] }>().rows).toMatchObject([
      { source: expect.stringContaining('public.api_keys'), key: [both!.first], stands: true },
      { source: expect.stringContaining('public.stored_api_keys'), key: [both!.stored], stands: false },
    ]);
  });

  test("what only a vendor's key has stands in vendors.api_keys, under the id that the key has", async () => {
    const ofVendors = winners(`SELECT * FROM (${KEYS}) AS keys WHERE rank > 2 AND prefix <> '${OWN}'`);
    const hashes = await rowsOf(move.source, `SELECT hash FROM (${ofVendors}) AS w ORDER BY 1`);
    const isSeen = `rank > 2 AND prefix <> '${OWN}'`;
    const [seen] = await rowsOf(move.source, `SELECT count(*) AS n FROM (${winners()}) AS w WHERE ${isSeen}`);
    const found = await rowsOf(
      move.target,
      `SELECT v.key_hash AS hash, v.id = k.id AS same, o.code FROM vendors.api_keys v
       JOIN security_service.api_keys k USING (key_hash) JOIN vendors.organizations o ON o.id = v.organization_id
       WHERE k.key_prefix <> '${OWN}' ORDER BY 1`,
    );
    expect(found.map(({ hash }) => ({ hash }))).toEqual(hashes);
    expect(found.filter(({ same }) => same === 't')).toHaveLength(Number(seen!.n));
  });

  test('a user is one in three domains, and was renamed in all of them', async () => {
    const { source, target } = move;
    const users = await rowsOf(
      source,
      `SELECT id, organization_id, bio IS NULL AS quiet, is_active, locale,
              CASE role WHEN 'owner' THEN 'admin' WHEN 'member' THEN 'user' ELSE 'viewer' END AS role
       FROM public.users WHERE created_at < '2026-01-01' ORDER BY 1`,
    );
    const found = await rowsOf(
      target,
      `SELECT a.id, s.organization_id, p.bio IS NULL AS quiet, a.is_active, p.locale, s.role
       FROM auth_gateway.user_accounts a JOIN shared_services.profiles p USING (id)
       JOIN security_service.users s ON s.user_id = a.id AND s.email = a.email AND s.status = CASE WHEN a.is_active THEN 'active' ELSE 'inactive' END
       JOIN shared_services.users r ON r.id = a.id AND r.email = a.email
       WHERE a.created_at < '2026-01-01' ORDER BY 1`,
    );
    expect(found).toEqual(users);
    // What the pipeline was told last, whatever the application has done since.
    const told = await rowsOf(target, 'SELECT user_id AS id, email FROM ferry."security_service.users" ORDER BY 1');
    expect(told).toEqual(await rowsOf(source, 'SELECT id, email FROM public.users ORDER BY 1'));
    const renamed = `SELECT FROM public.users WHERE created_at < '2026-01-01' AND email LIKE '${OWN} %'`;
    expect((await rowsOf(source, renamed)).length).toBeGreaterThan(0);
  });

  test.each(REFERENCES)('references to keys that were made lead where they led: %s', async (_, old, now) => {
    const [before, after] = [await rowsOf(move.source, old), await rowsOf(move.target, now)];
    const texts = (rows: object[]) => sorted(rows.map((row) => JSON.stringify(row)));
    expect(before.length).toBeGreaterThan(1);
    expect(texts(after)).toEqual(texts(before));
  });

  test('memories of two schemas are one table, and those that both had are as public had them', async () => {
    const { source, target } = move;
    const columns = 'id, md5(content) AS content, type, tags, md5(embedding::text) AS embedding';
    const expected = await rowsOf(
      source,
      `SELECT ${columns} FROM (${MEMORIES}) AS memories WHERE created_at < '2026-01-01' ORDER BY 1`,
    );
    const found = `SELECT ${columns} FROM security_service.memory_entries WHERE created_at < '2026-01-01' ORDER BY 1`;
    expect(expected).toHaveLength(28);
    expect(await rowsOf(target, found)).toEqual(expected);
    const [own] = await rowsOf(
      target,
      "SELECT count(*) AS n FROM security_service.memory_entries WHERE title LIKE 'maas %'",
    );
    expect(Number(own!.n)).toBe(4);
  });

  test('embeddings have 1536 dimensions, and match_memories finds the nearest by the index', async () => {
    const { source, target } = move;
    const vectors = await rowsOf(
      target,
      `SELECT attrelid::regclass AS name, format_type(atttypid, atttypmod) AS type FROM pg_attribute a
       JOIN pg_class c ON c.oid = attrelid WHERE attname = 'embedding' AND relkind = 'r' AND relpersistence = 'p' AND relnamespace <> 'ferry'::regnamespace ORDER BY 1`,
    );
    expect(sorted(vectors.map(({ name, type }) => `${name} ${type}`))).toEqual(
      [
        'ai_chat.chat_embeddings',
        'marketplace.product_embeddings',
        'security_service.memory_chunks',
        'security_service.memory_entries',
      ].map((name) => `${name} public.vector(1536)`),
    );
    const { query, expected } = await inPublic(source, async () => {
      const [one] = await rowsOf(
        source,
        "SELECT embedding FROM maas.memory_entries WHERE title LIKE 'maas %' AND embedding IS NOT NULL ORDER BY id LIMIT 1",
      );
      const nearest = await rowsOf(
        source,
        `SELECT id, round((1 - (embedding <=> '${one!.embedding}'))::numeric, 6) AS similarity FROM (${MEMORIES}) AS memories
         WHERE 1 - (embedding <=> '${one!.embedding}') > 0.7 ORDER BY embedding <=> '${one!.embedding}' LIMIT 5`,
      );
      return { query: `security_service.match_memories('${one!.embedding}'::vector, 0.7, 5)`, expected: nearest };
    });
    expect(expected).toHaveLength(5);
    const found = `SELECT id, round(similarity::numeric, 6) AS similarity FROM ${query}`;
    const look = async () => {
      // All lists are looked into: the few rows of the test stand in nearly as many.
      await target.query('SET LOCAL ivfflat.probes = 100; SET LOCAL enable_indexscan = off');
      const without = await rowsOf(target, found);
      await target.query(
        'SET LOCAL enable_indexscan = on; SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off',
      );
      const plan = await rowsOf(target, `EXPLAIN ${found}`);
      expect(JSON.stringify(plan)).toContain('Index Scan using idx_memory_entries_embedding');
      return { byIndex: await rowsOf(target, found), exact: without };
    };
    // An index over rows that had changed before it was made is not used while a transaction of then is open.
    const { byIndex, exact } = await eventually(() => inPublic(target, look), {
      what: 'the index to be used',
      timeoutMs: 60_000,
    });
    expect(exact).toEqual(expected);
    expect(byIndex).toEqual(expected);
  });

  test('the new project goes on: ids behind the old ones, references looked after, the old one closed', async () => {
    const { source, target } = move;
    const say =
      "INSERT INTO ai_chat.messages (conversation_id, role, content) SELECT id, 'user', 'new' FROM ai_chat.conversations LIMIT 1 RETURNING id";
    const [last] = await rowsOf(source, 'SELECT max(id) AS id FROM public.ai_messages');
    const [said] = await rowsOf(target, say);
    expect(Number(said!.id)).toBeGreaterThan(Number(last!.id));
    await expect(target.query('UPDATE vendors.api_keys SET organization_id = gen_random_uuid()')).rejects.toMatchObject(
      {
        code: '23503',
      },
    );
    const [stamped] = await rowsOf(
      target,
      'UPDATE marketplace.products SET stock = stock RETURNING updated_at >= now() AS ok',
    );
    expect(stamped).toEqual({ ok: 't' });
    await expect(source.query("UPDATE public.api_keys SET name = 'late'")).rejects.toMatchObject({ code: '40001' });
  });

  test('every table was found equal, and no write was lost', async () => {
    const { code, report } = await move.end();
    expect(report.application).toMatchObject({ lost: 0, failed: 0, errors: {} });
    expect(report.application.writesOnSource).toBeGreaterThan(0);
    expect(report.application.writesOnTarget).toBeGreaterThan(0);
    expect(new Set(report.tables.map(({ target }) => target)).size).toBe(101);
    expect(report.tables.map(({ equal }) => equal)).toEqual(Array(108).fill(true));
    expect({ code, ok: report.ok }).toEqual({ code: 0, ok: true });
  });
});
