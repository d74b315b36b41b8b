import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { packageRoot } from '../platform/package-root.js';
import type { SteadyWork } from './steady.js';

/** Where the three tables stand: all in public, or moved by the mapping. */
export const LAYOUTS = {
  public: { accounts: 'public', events: 'public' },
  mapped: { accounts: 'growth', events: 'shared' },
} as const;
export type Layout = keyof typeof LAYOUTS;

export const TABLES = ['accounts', 'artifacts', 'events'] as const;

/** The pipeline's mapping files. */
export const MAPPING = {
  'growth.yaml':
    'schema: growth\ntables:\n  accounts: {from: public.accounts}\n  artifacts: {from: public.artifacts}\n',
  'shared.yaml': 'schema: shared\ntables:\n  events: {from: public.events}\n',
};

export function tableName(layout: Layout, table: (typeof TABLES)[number]): string {
  return `${LAYOUTS[layout][table === 'events' ? 'events' : 'accounts']}.${table}`;
}

/** Far beyond what is measured, so that no checkpoint falls into one system's turn and not into another's. */
export const SERVER_SETTINGS = { max_wal_size: '8GB', shared_buffers: '512MB', checkpoint_timeout: '30min' };

/** A session with the defaults of a psql user. */
export async function session(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  await client.query("SET TimeZone = 'UTC'; SET extra_float_digits = 1");
  return client;
}

async function sql(file: string, values: Readonly<Record<string, string>>): Promise<string> {
  const text = await readFile(join(packageRoot(), 'bench', 'workload', file), 'utf8');
  return text.replaceAll(/\{(scale|accounts|events)\}/g, (_, name: string) => values[name]!);
}

export async function createSchema(client: pg.Client, layout: Layout): Promise<void> {
  await client.query(await sql('schema.sql', LAYOUTS[layout]));
}

/** 200k accounts, 400k artifacts, 400k events, times the scale. */
export async function load(client: pg.Client, scale: number): Promise<void> {
  await client.query(await sql('load.sql', { scale: String(scale) }));
  await client.query('VACUUM ANALYZE');
}

/** Row changes of run k in transactions of ten: half updates, a third inserts, the rest deletes; sentinels at the end. */
export async function change(client: pg.Client, changes: number, run: number): Promise<void> {
  await client.query('SET synchronous_commit = off');
  await client.query(`CALL bench_changes(${changes}, 10, ${run})`);
  await client.query('CHECKPOINT');
}

export async function countRows(client: pg.Client, layout: Layout): Promise<number> {
  let rows = 0;
  for (const table of TABLES) {
    const result = await client.query<{ n: string }>(`SELECT count(*) AS n FROM ${tableName(layout, table)}`);
    rows += Number(result.rows[0]!.n);
  }
  return rows;
}

/** Counting disturbs; without a hint that the copy is whole it is done this seldom. */
const COUNT_EVERY_MS = 1_500;

/** Resolves once the copy has as many rows as the source. Its size hints at that, but the source may be bloated. */
export async function untilCopied(source: pg.Client, target: pg.Client, layout: Layout): Promise<number> {
  const rows = await countRows(source, 'public');
  for (let countedAt = performance.now(); ; ) {
    const [from, to] = await Promise.all([tableBytes(source, 'public'), tableBytes(target, layout)]);
    if (to >= from * 0.97 || performance.now() - countedAt > COUNT_EVERY_MS) {
      if ((await countRows(target, layout)) >= rows) return rows;
      countedAt = performance.now();
    }
    await sleep(50);
  }
}

async function tableBytes(client: pg.Client, layout: Layout): Promise<number> {
  const names = TABLES.map((table) => `pg_relation_size('${tableName(layout, table)}')`);
  const result = await client.query<{ n: string }>(`SELECT ${names.join(' + ')} AS n`);
  return Number(result.rows[0]!.n);
}

/** Resolves once the last rows of run k are there. */
export async function untilChanged(target: pg.Client, layout: Layout, run: number): Promise<void> {
  const [accounts, artifacts, events] = TABLES.map((table) => tableName(layout, table));
  const base = `1000000000000 + ${run} * 100`;
  const count = `SELECT (SELECT count(*) FROM ${accounts} WHERE id BETWEEN ${base} + 1 AND ${base} + 32)
    + (SELECT count(*) FROM ${artifacts} WHERE id IN (SELECT md5('sentinel-${run}-' || s)::uuid FROM generate_series(1, 32) s))
    + (SELECT count(*) FROM ${events} WHERE id BETWEEN ${base} + 1 AND ${base} + 32) AS n`;
  while (Number((await target.query<{ n: string }>(count)).rows[0]!.n) < 96) await sleep(25);
}

/** 500 changes a second in transactions of five, over the three tables. */
export function steadyWork(layout: Layout, probeBase: number): SteadyWork {
  return {
    rate: 100,
    transaction: (i) => {
      const id = probeBase + 1_000_000 + i;
      return `UPDATE accounts SET balance = ${i} / 100.0, updated_at = clock_timestamp() WHERE id = ${100_001 + ((i * 7_919) % 100_000)};
        UPDATE artifacts SET title = 'steady ${i}', score = ${i} WHERE id = md5('artifact-${200_001 + ((i * 7_919) % 200_000)}')::uuid;
        INSERT INTO events(id, account_id, type, payload, at) VALUES (${id}, 1, 'steady', '{"seq":${i},"ok":true}', clock_timestamp());
        INSERT INTO artifacts VALUES (md5('steady-${id}')::uuid, 1, 'note', 't', '${'lorem '.repeat(30)}', 1.5, '{a,b}', clock_timestamp());
        UPDATE events SET type = 'steady2' WHERE id = ${200_001 + ((i * 7_919) % 200_000)}`;
    },
    probe: (id) =>
      `INSERT INTO events(id, account_id, type, payload, at) VALUES (${id}, 1, 'probe', '{}', clock_timestamp())`,
    probed: tableName(layout, 'events'),
  };
}

/** Counts and sums of row hashes, by SQL of its own. */
export async function areEqual(source: pg.Client, target: pg.Client, layout: Layout): Promise<boolean> {
  const named = (of: Layout) => TABLES.map((table) => tableName(of, table));
  const [a, b] = await Promise.all([printOf(source, named('public')), printOf(target, named(layout))]);
  return a === b;
}

/** The same for tables with the same rows: count and sum of row hashes of each. */
export async function printOf(client: pg.Client, tables: readonly string[]): Promise<string> {
  const prints: string[] = [];
  for (const table of tables) {
    const { rows } = await client.query<{ n: string; h: string }>(
      `SELECT count(*) AS n, coalesce(sum(hashtextextended(t::text, 0)), 0)::text AS h FROM ${table} t`,
    );
    prints.push(`${rows[0]!.n}:${rows[0]!.h}`);
  }
  return prints.join(' ');
}
