import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Command } from 'commander';
import type pg from 'pg';
import { printJson, printTable } from '../cli/output.js';
import { startEmbeddedPostgres } from '../platform/embedded-server.js';
import { FerryPipeline } from './ferry.js';
import { type Latencies, measureLatency, type SteadyWork } from './steady.js';
import { printOf, SERVER_SETTINGS, session } from './workload.js';

/** What grows from one case to the next; the changes stay the same number. */
interface Case {
  readonly name: string;
  readonly tables: number;
  /** Rows of the first table; each of the others has the rest's share. */
  readonly firstRows: number;
  readonly otherRows: number;
}

interface Scaled {
  readonly rows: number;
  readonly snapshotRowsPerSecond: number;
  readonly changesPerSecond: number;
  readonly servicesCpuPerChangeMicros: number;
  readonly latency: Latencies;
  readonly peakMb: number;
  readonly equal: boolean;
}

const flags = new Command('bench:scale')
  .description('what many tables and many rows cost: the same changes over 3 tables, 95 tables and one large table')
  .option('--rows <n>', 'of the large table', Number, 50_000_000)
  .option('--tables <n>', 'of the case with many', Number, 95)
  .option('--changes <n>', 'of the catch-up', Number, 200_000)
  .option('--seconds <n>', 'of the latency measurement', Number, 20)
  .option('--brokers <host:port,...>', 'over Kafka (default: the embedded log)', '')
  .option('--json', 'print one JSON object on the last line')
  .parse()
  .opts<{ rows: number; tables: number; changes: number; seconds: number; brokers: string; json?: true }>();

const BASE_ROWS = 300_000;
const CASES: readonly Case[] = [
  { name: '3 tables', tables: 3, firstRows: BASE_ROWS / 3, otherRows: BASE_ROWS / 3 },
  {
    name: `${flags.tables} tables`,
    tables: flags.tables,
    firstRows: Math.round(BASE_ROWS / flags.tables),
    otherRows: Math.round(BASE_ROWS / flags.tables),
  },
  { name: `${flags.rows} rows`, tables: 3, firstRows: flags.rows, otherRows: BASE_ROWS / 3 },
];

async function measure(one: Case, i: number): Promise<Scaled> {
  const home = join(directory, String(i));
  const servers = await Promise.all(
    ['source', 'target'].map((name) => startEmbeddedPostgres({ directory: `${home}-${name}`, flags: SERVER_SETTINGS })),
  );
  const [source, target] = await Promise.all(servers.map(({ url }) => session(url)));
  try {
    await createTables(source!, 'public', one);
    await fill(source!, one);
    await createTables(target!, 'moved', one);
    const pipeline = await FerryPipeline.create({
      directory: `${home}-pipeline`,
      name: `scale-${process.pid}-${i}`,
      sourceUrl: servers[0]!.url,
      targetUrl: servers[1]!.url,
      brokers: flags.brokers.split(',').filter(Boolean),
      mapping: { 'moved.yaml': mapping(one) },
    });
    return await run(one, pipeline, { source: source!, target: target!, sourceUrl: servers[0]!.url });
  } finally {
    await Promise.all([source!.end(), target!.end()]);
    await Promise.all(servers.map((server) => server.stop()));
    await Promise.all(
      ['source', 'target', 'pipeline'].map((name) => rm(`${home}-${name}`, { recursive: true, force: true })),
    );
  }
}

async function run(
  one: Case,
  pipeline: FerryPipeline,
  { source, target, sourceUrl }: { source: pg.Client; target: pg.Client; sourceUrl: string },
): Promise<Scaled> {
  const rows = one.firstRows + (one.tables - 1) * one.otherRows;
  const copyStartedAt = performance.now();
  await pipeline.start();
  try {
    while (!(await isCopied(target, one))) await sleep(100);
    const copyMs = performance.now() - copyStartedAt;
    await pipeline.stop();
    await change(source, one);
    const catchUpStartedAt = performance.now();
    await pipeline.start();
    while (!(await isThere(target, MARK))) await sleep(25);
    const catchUpMs = performance.now() - catchUpStartedAt;
    const { cpuSeconds } = pipeline.use();
    const latency = await measureLatency(sourceUrl, target, steadyWork(one), {
      seconds: flags.seconds,
      probeBase: PROBES,
    });
    const { peakMb } = pipeline.use();
    return {
      rows,
      snapshotRowsPerSecond: Math.round((rows / copyMs) * 1_000),
      changesPerSecond: Math.round((flags.changes / catchUpMs) * 1_000),
      servicesCpuPerChangeMicros: Math.round((cpuSeconds * 10_000_000) / flags.changes) / 10,
      latency,
      peakMb,
      equal: await areEqual(source, target, one),
    };
  } finally {
    await pipeline.stop();
  }
}

/** Ids beyond those of the rows: of inserted rows, of the row behind all changes, and of probes. */
const INSERTED = 1_000_000_000;
const MARK = 2_000_000_000;
const PROBES = 3_000_000_000;

const table = (i: number) => `t${String(i).padStart(3, '0')}`;
const tables = (one: Case) => Array.from({ length: one.tables }, (_, i) => table(i));
const rowsOf = (one: Case, i: number) => (i === 0 ? one.firstRows : one.otherRows);

function mapping(one: Case): string {
  const lines = tables(one).map((name) => `  ${name}: {from: public.${name}}`);
  return `schema: moved\ntables:\n${lines.join('\n')}\n`;
}

async function createTables(client: pg.Client, schema: string, one: Case): Promise<void> {
  await client.query(`CREATE SCHEMA IF NOT EXISTS ${schema}`);
  for (const name of tables(one)) {
    await client.query(`CREATE TABLE ${schema}.${name} (id bigint PRIMARY KEY, n int, note text, at timestamptz)`);
  }
}

async function fill(source: pg.Client, one: Case): Promise<void> {
  await source.query('SET synchronous_commit = off');
  for (const [i, name] of tables(one).entries()) {
    await source.query(
      `INSERT INTO ${name} SELECT i, i % 1000, 'row ' || i, now() FROM generate_series(1, ${rowsOf(one, i)}) i`,
    );
  }
  await source.query('VACUUM ANALYZE');
  await source.query('CHECKPOINT');
}

/** Transactions of ten over all tables in turn: six updates all over the table, three inserts, a delete. */
async function change(source: pg.Client, one: Case): Promise<void> {
  const size = `CASE WHEN k % ${one.tables} = 0 THEN ${one.firstRows} ELSE ${one.otherRows} END`;
  await source.query(`CREATE OR REPLACE PROCEDURE scale_changes(changes int) LANGUAGE plpgsql AS $$
    DECLARE name text; size bigint; k int;
    BEGIN
      FOR tx IN 0 .. changes / 10 - 1 LOOP
        FOR op IN 0 .. 9 LOOP
          k := tx * 10 + op;
          name := format('t%s', lpad((k % ${one.tables})::text, 3, '0'));
          size := ${size};
          IF op < 6 THEN
            EXECUTE format('UPDATE %I SET n = $1, at = clock_timestamp() WHERE id = $2', name) USING k, 1 + (k * 7919::bigint) % size;
          ELSIF op < 9 THEN
            EXECUTE format('INSERT INTO %I VALUES ($1, $2, ''new'', clock_timestamp())', name) USING ${INSERTED} + k, k;
          ELSE
            EXECUTE format('DELETE FROM %I WHERE id = $1', name) USING 1 + (k * 104729::bigint) % size;
          END IF;
        END LOOP;
        COMMIT;
      END LOOP;
    END $$`);
  await source.query(`CALL scale_changes(${flags.changes})`);
  await source.query(`INSERT INTO ${table(0)} VALUES (${MARK}, 0, 'mark', now())`);
}

/** 500 changes a second in transactions of five. */
function steadyWork(one: Case): SteadyWork {
  const update = (k: number) => {
    const i = k % one.tables;
    return `UPDATE ${table(i)} SET n = ${k} WHERE id = ${1 + ((k * 7_919) % rowsOf(one, i))}`;
  };
  return {
    rate: 100,
    transaction: (i) => [0, 1, 2, 3, 4].map((op) => update(i * 5 + op)).join('; '),
    probe: (id) => `INSERT INTO ${table(0)} VALUES (${id}, 0, 'probe', now())`,
    probed: `moved.${table(0)}`,
  };
}

async function isCopied(target: pg.Client, one: Case): Promise<boolean> {
  const { rows } = await target.query<{ regclass: string | null }>(
    "SELECT to_regclass('ferry.table_state')::text AS regclass",
  );
  if (rows[0]!.regclass === null) return false;
  const copied = await target.query<{ n: string }>('SELECT count(*) AS n FROM ferry.table_state WHERE copied');
  return Number(copied.rows[0]!.n) === one.tables;
}

async function isThere(target: pg.Client, id: number): Promise<boolean> {
  const { rowCount } = await target.query(`SELECT FROM moved.${table(0)} WHERE id = ${id}`);
  return rowCount === 1;
}

async function areEqual(source: pg.Client, target: pg.Client, one: Case): Promise<boolean> {
  const named = (schema: string) => tables(one).map((name) => `${schema}.${name}`);
  for (let tries = 0; tries < 10; tries++) {
    const [from, to] = await Promise.all([printOf(source, named('public')), printOf(target, named('moved'))]);
    if (from === to) return true;
    await sleep(500);
  }
  return false;
}

function print(found: Readonly<Record<string, Scaled>>): void {
  const head = ['', 'rows', 'snapshot rows/s', 'changes/s', 'CPU µs/change', 'p50 ms', 'p99 ms', 'peak MB', 'equal'];
  const rows = Object.entries(found).map(([name, one]) => [
    name,
    ...[one.rows, one.snapshotRowsPerSecond, one.changesPerSecond, one.servicesCpuPerChangeMicros].map(String),
    ...[one.latency.p50Ms, one.latency.p99Ms, one.peakMb].map(String),
    one.equal ? 'yes' : 'NO',
  ]);
  printTable(head, rows);
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
const directory = await mkdtemp(join(tmpdir(), 'ferry-scale-'));
await chmod(directory, 0o711);
try {
  const found: Record<string, Scaled> = {};
  for (const [i, one] of CASES.entries()) {
    found[one.name] = await measure(one, i);
    process.stderr.write(`${one.name}: ${JSON.stringify(found[one.name])}\n`);
  }
  const ok = Object.values(found).every(({ equal }) => equal);
  if (flags.json) printJson({ ok, cases: found });
  else print(found);
} finally {
  await rm(directory, { recursive: true, force: true });
}
process.exit(0);
