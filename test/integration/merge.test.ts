import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { mappingSchema } from '../../core/config/schema.js';
import { tableMappings } from '../../core/config/table-mappings.js';
import { parseYamlFile } from '../../core/config/yaml-file.js';
import { routeName } from '../../core/mapping.js';
import { ensureControlSchema } from '../../platform/control-schema.js';
import { readLineagePlan } from '../../platform/lineage-plan.js';
import { candidateTable } from '../../platform/lineage-table.js';
import { connect, quoteName } from '../../platform/postgres.js';
import { prepareLineage } from '../../services/apply/adapters/lineage-tables.js';
import { followDdl, followIndexes, standUp } from '../../services/control/cutover/follow-ddl.js';
import { findRemains } from '../../services/control/finish/remains.js';
import { runPreflight } from '../../services/control/preflight/run-preflight.js';
import { makePipeline, type Pipeline } from '../support/pipeline.js';
import { type FreshDatabase, freshDatabase } from '../support/postgres.js';
import { Random, testSeed } from '../support/random.js';
import { describeWithPostgres, testServers } from '../support/servers.js';

const NAMESPACE = '6ba7b810-9dad-11d1-80b4-00c04fd430c8';

/** Four tables of API keys that are really one, each as somebody made it. */
const SCHEMA = `
  CREATE TABLE public.api_keys (id uuid PRIMARY KEY, name text, key_hash text, active boolean NOT NULL DEFAULT true);
  CREATE TABLE public.stored_api_keys (id serial PRIMARY KEY, label text, hash text, status text, notes text);
  CREATE TABLE public.vendor_api_keys (vendor text, no int, hash text, name text, PRIMARY KEY (vendor, no));
  CREATE TABLE public.vendor_api_keys_v2 (id bigint PRIMARY KEY, vendor text, name text, key_hash text, notes text);
  CREATE TABLE public.devices (id int PRIMARY KEY, owner uuid, name text);
  CREATE TABLE public.readings (id int PRIMARY KEY, device int)`;

const TARGET = `
  DROP TABLE public.api_keys, public.stored_api_keys, public.vendor_api_keys, public.vendor_api_keys_v2, public.devices, public.readings;
  CREATE TABLE sec.api_keys (
    id uuid PRIMARY KEY, origin text NOT NULL, name text, key_hash text UNIQUE, status text, notes text, uses int NOT NULL DEFAULT 7, extra json);
  CREATE TABLE sec.devices (id text PRIMARY KEY, owner uuid, name text);
  CREATE TABLE sec.readings (id int PRIMARY KEY, device text)`;

const active = { from: 'active', steps: [{ map: { t: 'active', f: 'revoked' } }] };

const TABLES = {
  sec: {
    api_keys: {
      merge: [
        { from: 'public.api_keys', drop: ['active'], columns: { origin: { constant: 'keys' }, status: active } },
        {
          from: 'public.stored_api_keys',
          rename: { label: 'name', hash: 'key_hash' },
          columns: { id: { uuid: ['id'], namespace: NAMESPACE }, origin: { constant: 'stored' } },
        },
        {
          from: 'public.vendor_api_keys',
          rename: { hash: 'key_hash' },
          drop: ['vendor', 'no'],
          columns: { id: { uuid: ['vendor', 'no'], namespace: NAMESPACE }, origin: { constant: 'vendor' } },
        },
        {
          from: 'public.vendor_api_keys_v2',
          where: "vendor <> 'none'",
          key: ['id'],
          drop: ['vendor'],
          columns: {
            id: { from: 'id', steps: [{ prefix: '00000000-0000-0000-0000-' }], cast: 'uuid' },
            name: { template: '{vendor}: {name}' },
            origin: { constant: 'v2' },
          },
        },
      ],
      unique: ['key_hash'],
    },
    devices: {
      from: 'public.devices',
      lineage: true,
      columns: { id: { from: 'id', steps: [{ prefix: 'dev-' }], cast: 'text' } },
    },
    readings: { from: 'public.readings', columns: { device: { lookup: 'sec.devices.id', of: ['device'] } } },
  },
} as const;

/** What must stand in the target, said by SQL over the source. */
const expectedBy = ([keys, stored, vendor, v2]: readonly number[]) => `
  WITH candidates AS (
    SELECT ${keys} AS rank, id::text AS key, id::text AS id, 'keys' AS origin, name, key_hash, CASE WHEN active THEN 'active' ELSE 'revoked' END AS status, NULL AS notes
      FROM public.api_keys
    UNION ALL SELECT ${stored}, id::text, NULL, 'stored', label, hash, status, notes FROM public.stored_api_keys
    UNION ALL SELECT ${vendor}, vendor || '","' || no, NULL, 'vendor', name, hash, NULL, NULL FROM public.vendor_api_keys
    UNION ALL SELECT ${v2}, id::text, '00000000-0000-0000-0000-' || id, 'v2', vendor || ': ' || name, key_hash, NULL, notes
      FROM public.vendor_api_keys_v2 WHERE vendor <> 'none')
  SELECT DISTINCT ON (coalesce(key_hash, rank || ' ' || key)) id, origin, name, key_hash, status, md5(notes) AS notes
    FROM candidates ORDER BY coalesce(key_hash, rank || ' ' || key), rank, ('["' || key || '"]') COLLATE "C"`;
const ACTUAL = `SELECT CASE WHEN origin IN ('keys', 'v2') THEN id::text END AS id, origin, name, key_hash, status, md5(notes) AS notes FROM sec.api_keys`;

const inOrder = (rows: readonly object[]) => rows.map((row) => JSON.stringify(row)).sort();

/** Statements that four applications would write, with collisions wherever they are possible. */
class Writer {
  readonly #random: Random;
  #next = 100_000_000_001;

  constructor(seed: number) {
    this.#random = new Random(seed);
  }

  statement(): string {
    const hash = this.#one(8) === 0 ? 'NULL' : `'h${this.#one(25)}'`;
    const name = `'n${this.#one(1000)}'`;
    const some = this.#one(6);
    const big = this.#one(4) === 0 ? `repeat(md5('${this.#next++}'), 300)` : 'NULL';
    const statements = [
      `INSERT INTO public.api_keys VALUES (gen_random_uuid(), ${name}, ${hash}, ${this.#one(2) === 0})`,
      `UPDATE public.api_keys SET key_hash = ${hash}, name = ${name} WHERE id IN (SELECT id FROM public.api_keys ORDER BY md5(id::text || '${some}') LIMIT 2)`,
      `DELETE FROM public.api_keys WHERE id IN (SELECT id FROM public.api_keys ORDER BY md5(id::text || '${some}') LIMIT 1)`,
      `INSERT INTO public.stored_api_keys (label, hash, notes) VALUES (${name}, ${hash}, ${big}), (${name}, ${hash}, NULL)`,
      `UPDATE public.stored_api_keys SET label = ${name} WHERE id % 6 = ${some}`,
      `UPDATE public.stored_api_keys SET hash = ${hash} WHERE id % 6 = ${some}`,
      `UPDATE public.stored_api_keys SET id = -id WHERE id % 20 = ${some}`,
      `DELETE FROM public.stored_api_keys WHERE id % 9 = ${some}`,
      `INSERT INTO public.vendor_api_keys VALUES ('v${some}', ${this.#one(30)}, ${hash}, ${name}) ON CONFLICT (vendor, no) DO UPDATE SET hash = EXCLUDED.hash`,
      `DELETE FROM public.vendor_api_keys WHERE no % 9 = ${some}`,
      `INSERT INTO public.vendor_api_keys_v2 VALUES (${this.#next++}, ${some === 0 ? "'none'" : "'x'"}, ${name}, ${hash}, ${big})`,
      `UPDATE public.vendor_api_keys_v2 SET vendor = CASE vendor WHEN 'none' THEN 'y' ELSE 'none' END WHERE id % 6 = ${some}`,
      `UPDATE public.vendor_api_keys_v2 SET key_hash = ${hash} WHERE id % 6 = ${some}`,
      `DELETE FROM public.vendor_api_keys_v2 WHERE id % 9 = ${some}`,
      ...(this.#one(25) === 0 ? ['TRUNCATE public.vendor_api_keys'] : []),
    ];
    return statements[this.#one(statements.length)]!;
  }

  transaction(): string {
    const statements = Array.from({ length: 1 + this.#one(4) }, () => this.statement());
    return ['BEGIN', ...statements, this.#one(8) === 0 ? 'ROLLBACK' : 'COMMIT'].join('; ');
  }

  #one(of: number): number {
    return this.#random.int(0, of - 1);
  }
}

describeWithPostgres('four tables merged into one', () => {
  let pipeline: Pipeline;
  const writer = new Writer(testSeed(20261122));

  beforeAll(async () => {
    pipeline = await makePipeline({
      driver: 'embedded',
      schemaSql: SCHEMA,
      sourceSql: `ALTER TABLE public.vendor_api_keys_v2 REPLICA IDENTITY FULL;
        ALTER TABLE public.stored_api_keys ALTER COLUMN notes SET STORAGE EXTERNAL;
        INSERT INTO public.api_keys SELECT md5(i::text)::uuid, 'k' || i, 'h' || i, i % 2 = 0 FROM generate_series(1, 15) i;
        INSERT INTO public.stored_api_keys (label, hash, notes) SELECT 's' || i, 'h' || (i + 5), repeat(md5(i::text), 200) FROM generate_series(1, 20) i;
        INSERT INTO public.vendor_api_keys SELECT 'v' || i % 3, i, nullif('h' || i * 2, 'h4'), 'v' || i FROM generate_series(1, 15) i;
        INSERT INTO public.vendor_api_keys_v2 SELECT 200000000000 - i, CASE WHEN i % 4 = 0 THEN 'none' ELSE 'x' END, 'w' || i, 'h' || i * 3, NULL
          FROM generate_series(1, 15) i;
        INSERT INTO public.devices SELECT i, NULL, 'd' || i FROM generate_series(1, 30) i;
        INSERT INTO public.readings SELECT i, i % 30 + 1 FROM generate_series(1, 60) i;
        ALTER TABLE public.readings ADD FOREIGN KEY (device) REFERENCES public.devices ON UPDATE CASCADE ON DELETE SET NULL`,
      targetSql: TARGET,
      tables: TABLES,
      apply: { onRefusal: 'dead-letter' },
    });
  });
  afterAll(() => pipeline?.[Symbol.asyncDispose]());

  async function expectMerged(ranks: readonly number[] = [1, 2, 3, 4]): Promise<void> {
    await pipeline.untilApplied();
    const [source, target] = [await pipeline.source.query(expectedBy(ranks)), await pipeline.target.query(ACTUAL)];
    expect(inOrder(target.rows)).toEqual(inOrder(source.rows));
    const devices = await pipeline.source.query("SELECT 'dev-' || id AS id, owner, name FROM public.devices");
    expect(inOrder((await pipeline.target.query('SELECT * FROM sec.devices')).rows)).toEqual(inOrder(devices.rows));
    const readings = await pipeline.source.query("SELECT id, 'dev-' || device AS device FROM public.readings");
    expect(inOrder((await pipeline.target.query('SELECT * FROM sec.readings')).rows)).toEqual(inOrder(readings.rows));
  }

  interface Verified {
    readonly ok: boolean;
    readonly tables: readonly {
      readonly source: string;
      readonly lineage?: { readonly standing: number; readonly behind: number };
      readonly differences: readonly object[];
    }[];
  }
  const verified = async () => (await pipeline.ferry('verify', '--json')).json<Verified>();

  test('are checked with nothing to complain about, and explained', async () => {
    const checked = await pipeline.ferry('check');
    expect(checked, checked.stdout).toMatchObject({ code: 0 });
    const explained = (await pipeline.ferry('map', 'explain', 'sec.api_keys', '--json')).json<{ tables: object[] }>();
    expect(explained.tables).toHaveLength(4);
    expect(explained.tables[0]).toMatchObject({ lineage: { unique: ['key_hash'], sources: { length: 4 } } });
  });

  test('a merge that cannot be is refused before anything moves', async () => {
    const text = `schema: sec\ntables:
  api_keys:
    merge:
    - {from: public.vendor_api_keys_v2, drop: [id, vendor]}
    - {from: public.vendor_api_keys, key: [no], drop: [no, vendor], rename: {hash: notes}, columns: {origin: {constant: x}}}
    unique: [key_hash, extra]
  devices: {from: public.devices, lineage: true, columns: {id: {from: id, steps: [{prefix: dev-}]}}}
  readings: {from: public.readings}`;
    const tables = tableMappings(parseYamlFile('mapping/sec.yaml', text, mappingSchema, {}));
    const findings = await runPreflight({ ...pipeline.config, tables }, pipeline);
    const said = findings.flatMap(({ check, level, message }) =>
      ['lineage-fit', 'key-references'].includes(check) && level === 'error' ? [message] : [],
    );
    const merged = 'mapping/sec.yaml:5:7: sec.api_keys';
    const expected = [
      `mapping/sec.yaml:5:7: public.vendor_api_keys_v2: under REPLICA IDENTITY FULL its changes do not say which columns its key has`,
      `${merged}.id is of its key, and nothing of public.vendor_api_keys_v2 fills it`,
      `${merged}.extra, of which \`unique\` speaks, is filled by nothing of public.vendor_api_keys_v2`,
      `mapping/sec.yaml:6:7: public.vendor_api_keys: \`key\` says (no), and the key is (vendor, no)`,
      'mapping/sec.yaml:6:7: sec.api_keys.id is of its key, and nothing of public.vendor_api_keys fills it',
      'mapping/sec.yaml:6:7: sec.api_keys.extra, of which `unique` speaks, is filled by nothing of public.vendor_api_keys',
      'mapping/sec.yaml:6:7: sec.api_keys.key_hash, of which `unique` speaks, is filled by nothing of public.vendor_api_keys',
      'mapping/sec.yaml:9:3: public.readings.device refers to public.devices.id (readings_device_fkey), which becomes sec.devices.id: sec.readings.device is not made in the same way',
      ...[5, 6].map(
        (line) => `mapping/sec.yaml:${line}:7: sec.api_keys.extra is json: nothing says which of its values are equal`,
      ),
    ];
    expect(said.sort()).toEqual(expected.sort());
  });

  test('are copied, each row once', async () => {
    pipeline.start();
    await pipeline.untilStreaming();
    await expectMerged();
  });

  test('the loser goes and the winner stays, the winner goes and the next one comes back', async () => {
    const standing = async () =>
      (
        await pipeline.target.query<{ origin: string; notes: string | null }>(
          "SELECT origin, notes FROM sec.api_keys WHERE key_hash = 'x1'",
        )
      ).rows;
    await pipeline.source.query(`
      INSERT INTO public.api_keys VALUES (gen_random_uuid(), 'a', 'x1', true);
      INSERT INTO public.stored_api_keys (id, label, hash, notes) VALUES (900, 'b', 'x1', repeat(md5('x'), 300));
      INSERT INTO public.vendor_api_keys VALUES ('x', 900, 'x1', 'c')`);
    await pipeline.untilApplied();
    expect(await standing()).toMatchObject([{ origin: 'keys' }]);
    await pipeline.source.query(
      "DELETE FROM public.vendor_api_keys WHERE no = 900; UPDATE public.stored_api_keys SET label = 'later' WHERE id = 900",
    );
    await pipeline.untilApplied();
    expect(await standing()).toMatchObject([{ origin: 'keys' }]);
    const traced = (await pipeline.ferry('map', 'trace', 'public.stored_api_keys', '900', '--json')).json<{
      rows: object[];
    }>();
    expect(traced.rows).toMatchObject([
      { source: 'public.api_keys', stands: true },
      { source: 'public.stored_api_keys', key: ['900'], stands: false },
    ]);
    await pipeline.source.query("DELETE FROM public.api_keys WHERE key_hash = 'x1'");
    await pipeline.untilApplied();
    expect(await standing()).toMatchObject([{ origin: 'stored' }]);
    expect((await standing())[0]!.notes).toHaveLength(9_600);
    await expectMerged();
  });

  test('are what they must be under random writes, with apply killed among them', async () => {
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 40; i++) await pipeline.source.query(writer.transaction());
      await pipeline.apply.kill();
      for (let i = 0; i < 40; i++) await pipeline.source.query(writer.transaction());
      pipeline.apply.start();
      await pipeline.source.query(
        'UPDATE public.devices SET id = id + 1000 WHERE id % 7 = 0; DELETE FROM public.devices WHERE id % 9 = 0',
      );
    }
    await expectMerged();
  });

  test('are verified: every row that came, and every row that stands', async () => {
    const good = await verified();
    expect(good.ok, JSON.stringify(good)).toBe(true);
    const { rows } = await pipeline.target.query<{ n: string }>('SELECT count(*) AS n FROM sec.api_keys');
    const merged = good.tables.filter(({ source }) => source.includes('api_keys')).map(({ lineage }) => lineage!);
    expect(merged.reduce((sum, { standing }) => sum + standing, 0)).toBe(Number(rows[0]!.n));
    expect(merged.some(({ behind }) => behind > 0)).toBe(true);
    const candidates = quoteName(candidateTable({ schema: 'sec', table: 'api_keys' }, 'public.stored_api_keys'));
    await pipeline.target.query(`
      UPDATE sec.api_keys SET status = 'other' WHERE id = (SELECT id FROM sec.api_keys WHERE origin = 'keys' ORDER BY id LIMIT 1);
      INSERT INTO sec.api_keys (id, origin) VALUES ('${NAMESPACE}', 'nobody');
      INSERT INTO ${candidates} (ferry_key, id, origin) VALUES ('["77777"]', gen_random_uuid(), 'stored')`);
    const bad = await verified();
    expect(bad.ok).toBe(false);
    const differences = (source: string) => bad.tables.find((table) => table.source === source)!.differences;
    expect(differences('public.api_keys')).toHaveLength(2);
    expect(differences('public.api_keys')).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ kind: 'different', columns: ['status'], isStanding: true }),
        { key: [NAMESPACE], kind: 'extra', isStanding: true },
      ]),
    );
    expect(differences('public.stored_api_keys')).toEqual([{ key: ['77777'], kind: 'extra' }]);
  });

  test('are replayed to the same rows', async () => {
    expect(await pipeline.ferry('replay', '--yes', '--json')).toMatchObject({ code: 0 });
    await expectMerged();
  });

  test('another precedence is taken at the next start of apply, without a replay', async () => {
    await pipeline.source.query(`
      DELETE FROM public.api_keys WHERE key_hash = 'h6'; DELETE FROM public.vendor_api_keys_v2 WHERE key_hash = 'h6';
      INSERT INTO public.api_keys VALUES (gen_random_uuid(), 'a', 'h6', true);
      INSERT INTO public.vendor_api_keys_v2 VALUES (199000000000, 'x', 'b', 'h6', NULL)`);
    await expectMerged();
    await pipeline.apply.stop();
    const file = join(pipeline.config.directory, 'mapping', '0.yaml');
    const mapping = JSON.parse(await readFile(file, 'utf8')) as { tables: { api_keys: { merge: object[] } } };
    mapping.tables.api_keys.merge.reverse();
    await writeFile(file, JSON.stringify(mapping));
    pipeline.apply.start();
    await pipeline.until('apply to have it', async () => {
      const { rows } = await pipeline.target.query(
        "SELECT 1 FROM sec.api_keys WHERE key_hash = 'h6' AND origin = 'v2'",
      );
      return rows.length > 0;
    });
    await expectMerged([4, 3, 2, 1]);
  });

  test('a row that comes to the key of another one that it is not one with is set aside, and taken once that has gone', async () => {
    const letters = async () =>
      (await pipeline.ferry('dead-letter', 'list', '--json')).json<{ letters: object[] }>().letters;
    await pipeline.source.query(`
      INSERT INTO public.api_keys VALUES ('00000000-0000-0000-0000-100000000000', 'a', 'y1', true);
      INSERT INTO public.vendor_api_keys_v2 VALUES (100000000000, 'x', 'b', 'y2', NULL)`);
    await pipeline.untilApplied();
    expect(await letters()).toEqual([
      expect.objectContaining({
        sources: ['public.vendor_api_keys_v2'],
        tables: ['sec.api_keys < public.vendor_api_keys_v2'],
        sqlstate: '23505',
        message: 'rows of the key of others came to sec.api_keys, which are not one with them',
      }),
    ]);
    await pipeline.source.query("DELETE FROM public.api_keys WHERE key_hash = 'y1'");
    await pipeline.untilApplied();
    expect(await pipeline.ferry('dead-letter', 'retry', '--all')).toMatchObject({ code: 0 });
    await expectMerged([4, 3, 2, 1]);
  });

  test('one of them is copied again beside the stream, and all are cut over', async () => {
    const again = await pipeline.ferry('table', 'resnapshot', 'public.stored_api_keys', '--yes', '--json');
    expect(again.code, again.stderr).toBe(0);
    for (let i = 0; i < 10; i++) await pipeline.source.query(writer.transaction());
    await pipeline.untilStreaming();
    await expectMerged([4, 3, 2, 1]);
    // The cutover wants it to have read the mapping that is there now.
    await pipeline.transform.stop();
    pipeline.transform.start();
    await pipeline.statusIn('streaming');
    const cutover = await pipeline.ferry('cutover', '--accept-one-way', '--json');
    expect(cutover.json(), cutover.stderr).toMatchObject({ ok: true, serving: 'target' });
  });
});

const PAIR = `schema: sec\ntables:\n  t:\n    unique: [n]\n    merge:\n    - {from: public.a}\n    - {from: public.b}\n`;

describeWithPostgres('candidates of two tables', () => {
  let database: FreshDatabase;
  let target: Client;
  const mappings = tableMappings(parseYamlFile('mapping/sec.yaml', PAIR, mappingSchema, {}));
  const [a, b] = mappings.map((mapping) => quoteName(candidateTable(mapping.target, routeName(mapping)))) as [
    string,
    string,
  ];
  const parent = quoteName({ schema: 'ferry', table: 'sec.t' });

  beforeAll(async () => {
    database = await freshDatabase(testServers().targetServer, 'merge');
    target = await connect('target', database.url, { applicationName: 'ferry-test' });
    await ensureControlSchema(target);
    await target.query(`CREATE SCHEMA sec; SET session_replication_role = 'replica';
      CREATE TABLE sec.t (id int PRIMARY KEY, n numeric UNIQUE, v json, at timestamptz NOT NULL DEFAULT clock_timestamp())`);
    await prepareLineage(target, 'sec', { name: 'none', tables: mappings });
  });
  afterAll(async () => {
    await target?.end();
    await database?.drop();
  });

  /** By another way than the triggers': each candidate asks whether one is before it. */
  const expected = async () =>
    inOrder(
      (
        await target.query(`SELECT c.id, c.n, c.v, c.at FROM ${parent} c WHERE c.n IS NULL OR NOT EXISTS (
          SELECT FROM ${parent} o WHERE o.n = c.n AND (o.ferry_source, o.ferry_key) < (c.ferry_source, c.ferry_key))`)
      ).rows,
    );
  const actual = async () => inOrder((await target.query('SELECT id, n, v, at FROM sec.t')).rows);

  /** Many rows at once, over keys of their own; now and then over one of the other's. */
  function statement(random: Random): string {
    const [table, base] = random.pick([
      [a, 0],
      [b, 100],
    ] as const);
    const id = `${base} + ${random.int(0, 12)} + ${random.int(0, 30) === 0 ? 100 : 0}`;
    const n = random.pick(['NULL', '1', '1.0', '2', '3.00', '4', 'i % 7', 'nullif(i % 5, 2)']);
    const rows = `SELECT '["' || i || '"]', ${id} + i, ${n}, '{}' FROM generate_series(${random.int(1, 8)}, ${random.int(1, 9)}) i`;
    return random.pick([
      `INSERT INTO ${table} (ferry_key, id, n, v) ${rows} ON CONFLICT (ferry_key) DO UPDATE SET id = EXCLUDED.id, n = EXCLUDED.n`,
      `INSERT INTO ${table} (ferry_key, id, n, v) ${rows} ON CONFLICT (ferry_key) DO UPDATE SET n = EXCLUDED.n, v = '[1]'`,
      `UPDATE ${table} SET n = ${n.replaceAll(/\bi\b/g, 'id')} WHERE id % 3 = ${random.int(0, 2)}`,
      `UPDATE ${table} SET ferry_key = '["' || id || '-${random.int(0, 99)}"]' WHERE id % 5 = ${random.int(0, 4)}`,
      `DELETE FROM ${table} WHERE id % 4 = ${random.int(0, 3)}`,
      ...(random.int(0, 9) === 0 ? [`TRUNCATE ${table}`] : []),
    ]);
  }

  test('the target has the winners after each statement, and what is refused changes nothing', async () => {
    const random = new Random(testSeed(7));
    let refused = 0;
    for (let i = 0; i < 100; i++) {
      const before = await actual();
      const sql = statement(random);
      const error = await target.query(sql).then(
        () => undefined,
        (thrown: { code: string }) => thrown,
      );
      if (error) {
        refused++;
        expect(['23505', '21000'], `${sql}: ${error}`).toContain(error.code);
        expect(await actual()).toEqual(before);
      } else {
        expect(await actual(), sql).toEqual(await expected());
      }
    }
    expect(refused).toBeGreaterThan(0);
    expect(refused).toBeLessThan(80);
  });

  const lineagePlan = async () =>
    (await readLineagePlan(
      async (text, values) => (await target.query({ text, values: [...values], rowMode: 'array' })).rows as string[][],
      mappings[0]!,
    ))!;

  /** What applications of the new project write, with collisions wherever they are possible. */
  function written(random: Random): string {
    const [id, other] = [random.int(0, 30), random.int(0, 30)];
    const n = random.pick(['NULL', '1', '1.0', '2', '3.00', '4', `${other}`]);
    return random.pick([
      `INSERT INTO sec.t (id, n, v) VALUES (${id}, ${n}, '{}')`,
      `INSERT INTO sec.t (id, n, v) VALUES (${id}, ${n}, '{}') ON CONFLICT (id) DO UPDATE SET n = EXCLUDED.n`,
      `INSERT INTO sec.t (id, n) SELECT i, i FROM generate_series(${id}, ${id + 3}) i ON CONFLICT DO NOTHING`,
      `UPDATE sec.t SET n = ${n} WHERE id = ${id}`,
      `UPDATE sec.t SET n = n + 100, v = '[2]' WHERE id % 7 = ${id % 7}`,
      `UPDATE sec.t SET id = ${other}, v = '[3]' WHERE id = ${id}`,
      `UPDATE sec.t SET v = '[${other}]' WHERE id % 5 = ${id % 5}`,
      `DELETE FROM sec.t WHERE id % 6 = ${id % 6}`,
      ...(random.int(0, 9) === 0 ? ['TRUNCATE sec.t'] : []),
    ]);
  }

  test('a new row is of the table whose constants it has, and without an old key where the key is made', async () => {
    const plan = await lineagePlan();
    const followings = ['1', '2'].map((n, i) => {
      return {
        source: plan.sources[i]!,
        constants: new Map([['n', n]]),
        key: undefined,
        rowKey: ['id'],
        identity: ['id'],
      };
    });
    await target.query(`${followDdl('none-back', plan, followings)} TRUNCATE ${a}, ${b}`);
    const candidates = async () =>
      (await target.query(`SELECT ferry_source, ferry_key, v FROM ${parent} ORDER BY ferry_key`)).rows.map((row) =>
        Object.values(row as object),
      );
    await target.query(`INSERT INTO ${a} (ferry_key, id, n) VALUES ('["x"]', 1, 1);
      INSERT INTO sec.t (id, n) VALUES (2, 2.0), (3, 3); UPDATE sec.t SET v = '[1]'`);
    expect(await candidates()).toEqual([
      ['public.a', '["x"]', '[1]'],
      ['public.b', '[null,"2"]', '[1]'],
    ]);
    await target.query('DELETE FROM sec.t WHERE id = 2; UPDATE sec.t SET n = 2 WHERE id = 1');
    expect(await candidates()).toEqual([['public.b', '[null,"1"]', '[1]']]);
    await target.query('UPDATE sec.t SET n = NULL WHERE id = 1');
    expect(await candidates()).toEqual([]);
  });

  test('candidates follow what applications write, and decide it again once the old project serves', async () => {
    const random = new Random(testSeed(11));
    const rows = (query: string) => async () => (await target.query(query)).rows;
    const plan = await lineagePlan();
    const key = { key: ['id'], rowKey: ['id'], identity: ['id'] };
    const followings = plan.sources.map((source) => ({ source, constants: new Map(), ...key }));
    for (const sql of followIndexes(plan)) await target.query(sql);
    await target.query(followDdl('none-back', plan, followings));
    const keyOf = `'["' || t.id || '"]'`;
    // Each row has one candidate, of its key; who is one with none of them has stepped aside, or stands behind one.
    const lost =
      rows(`SELECT t.*, c.* FROM sec.t t LEFT JOIN ${parent} c ON c.id = t.id AND NOT c.ferry_hidden AND c.ferry_key = ${keyOf}
        AND ROW(c.n, c.v, c.at)::text = ROW(t.n, t.v, t.at)::text WHERE c.id IS NULL`);
    const seen = rows(`SELECT c.* FROM ${parent} c WHERE NOT c.ferry_hidden AND NOT EXISTS (
        SELECT FROM sec.t t WHERE c.n = t.n OR ROW(c.id, c.n, c.v, c.at)::text = ROW(t.id, t.n, t.v, t.at)::text)`);
    let decided = 0;
    for (let round = 0; round < 12; round++) {
      await target.query(`TRUNCATE ${a}, ${b};
        INSERT INTO ${a} (ferry_key, id, n, v) SELECT '["' || i || '"]', i, i % 9, '{}' FROM generate_series(0, 14) i;
        INSERT INTO ${b} (ferry_key, id, n, v) SELECT '["' || i || '"]', i, nullif(i % 12, 3), '{}' FROM generate_series(15, 29) i`);
      for (let i = 0; i < 15; i++) {
        const sql = written(random);
        await target.query(sql).catch((error) => expect(error.code, `${sql}: ${error}`).toBe('23505'));
        expect([await lost(), await seen()], sql).toEqual([[], []]);
      }
      try {
        await target.query(`BEGIN; ${standUp(candidateTable(plan.target, plan.sources[0]!))};
          ${standUp(candidateTable(plan.target, plan.sources[1]!))}; COMMIT`);
        expect(await actual()).toEqual(await expected());
        decided++;
      } catch (error) {
        await target.query('ROLLBACK');
        // An old row that stood behind another one has its key by now.
        expect(error).toMatchObject({ code: '23505', message: /^rows of the key of others came to sec.t/ });
      }
    }
    expect(decided).toBeGreaterThan(2);
    const remains = await findRemains(target, 'none-back');
    expect(remains.map(({ kind, name }) => [kind, name])).toEqual(Array(2).fill(['lineage trigger', 'sec.t']));
    for (const { sql } of remains) await target.query(sql);
    expect(await findRemains(target, 'none-back')).toEqual([]);
  });

  test('prepared again, nothing is done; a new column of the target comes to the candidates', async () => {
    const oid = async () =>
      (await target.query(`SELECT xmin FROM pg_catalog.pg_class WHERE oid = '${parent}'::regclass`)).rows;
    const before = await oid();
    await prepareLineage(target, 'sec', { name: 'none', tables: mappings });
    expect(await oid()).toEqual(before);
    await target.query(`ALTER TABLE sec.t ADD COLUMN more text DEFAULT 'x'; TRUNCATE ${a}, ${b}`);
    await prepareLineage(target, 'sec', { name: 'none', tables: mappings });
    await target.query(`INSERT INTO ${b} (ferry_key, id) VALUES ('["1"]', 1)`);
    expect((await target.query('SELECT id, more FROM sec.t')).rows).toEqual([{ id: '1', more: 'x' }]);
    // What applications have written since they were sent there stays.
    await target.query(`INSERT INTO ferry.cutover (pipeline, serving) VALUES ('none', 'target');
      ALTER TABLE sec.t ADD COLUMN much text; INSERT INTO sec.t VALUES (2)`);
    await prepareLineage(target, 'sec', { name: 'none', tables: mappings });
    expect((await target.query('SELECT id FROM sec.t ORDER BY 1')).rows).toEqual([{ id: '1' }, { id: '2' }]);
  });
});
