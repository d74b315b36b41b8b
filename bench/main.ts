import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { printJson, printTable } from '../cli/output.js';
import { startEmbeddedPostgres } from '../platform/embedded-server.js';
import { ownKafka, startKafka } from '../test/support/kafka.js';
import { AS_IN_PRODUCTION } from '../test/support/kafka-from-maven.js';
import { type Bench, type Measured, type MeasuredKafka, measureFerry, measureNative } from './measure.js';
import { createSchema, load, SERVER_SETTINGS, session } from './workload.js';

interface Flags {
  readonly brokers?: string;
  readonly runs: number;
  readonly scale: number;
  readonly changes: number;
  readonly seconds: number;
  readonly json?: true;
}

const flags = new Command('bench')
  .description('snapshot, catch-up and latency beside native logical replication, in one run')
  .option(
    '--brokers <host:port,...>',
    'given brokers (default: KAFKA_BROKERS, else one of its own)',
    process.env.KAFKA_BROKERS,
  )
  .option('--runs <n>', 'of each; the median counts', Number, 3)
  .option('--scale <n>', 'of the base data: 1 is a million rows', Number, 1)
  .option('--changes <n>', 'of the catch-up', Number, 300_000)
  .option('--seconds <n>', 'of the latency measurement', Number, 30)
  .option('--json', 'print one JSON object on the last line')
  .parse()
  .opts<Flags>();

// The servers and the broker end with us, if we end by an exit.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

const directory = await mkdtemp(join(tmpdir(), 'ferry-bench-'));
await chmod(directory, 0o711);
try {
  const results = await run();
  if (flags.json) printJson(summary(results));
  else print(results);
} finally {
  await rm(directory, { recursive: true, force: true });
}
process.exit(0);

type Results = Record<string, Measured[]>;

async function run(): Promise<Results> {
  const servers = {
    source: await startEmbeddedPostgres({ directory: join(directory, 'source'), flags: SERVER_SETTINGS }),
    target: await startEmbeddedPostgres({ directory: join(directory, 'target'), flags: SERVER_SETTINGS }),
  };
  const kafka = await openKafka();
  try {
    const source = await session(servers.source.url);
    await createSchema(source, 'public');
    await load(source, flags.scale);
    const bench: Bench = {
      servers,
      sourceUrl: servers.source.url,
      source,
      kafka: kafka.measured,
      freshTarget: () => freshDatabase(servers.target.url),
      directory,
      changes: flags.changes,
      steadySeconds: flags.seconds,
    };
    return await measureAll(bench);
  } finally {
    await Promise.all([servers.source.stop(), servers.target.stop(), kafka.stop()]);
  }
}

/** Given brokers; else one of our own, from jars where its CPU can be read, from Docker otherwise. */
async function openKafka(): Promise<{ measured: MeasuredKafka | undefined; stop: () => Promise<void> }> {
  const brokers = flags.brokers?.split(',').filter(Boolean) ?? [];
  if (brokers.length > 0) return { measured: { brokers, pid: undefined }, stop: async () => {} };
  const own = await ownKafka(AS_IN_PRODUCTION).catch(() => undefined);
  if (own) return { measured: own, stop: own.stop };
  const kafka = await startKafka();
  if ('brokers' in kafka) return { measured: { brokers: kafka.brokers, pid: undefined }, stop: kafka.stop };
  process.stderr.write(`Kafka is not measured: ${kafka.missing}\n`);
  return { measured: undefined, stop: async () => {} };
}

async function measureAll(bench: Bench): Promise<Results> {
  const results: Results = { native: [], embedded: [], ...(bench.kafka ? { kafka: [] } : {}) };
  let turn = 0;
  // A Java that has just started compiles for a minute, on the cores that are measured.
  if (bench.kafka) await measureFerry({ ...bench, steadySeconds: 10 }, turn, bench.kafka);
  for (let i = 0; i < flags.runs; i++) {
    // In turn, so that a machine that becomes slower does so for all.
    for (const [system, measured] of Object.entries(results)) {
      turn++;
      const one =
        system === 'native'
          ? await measureNative(bench, turn)
          : await measureFerry(bench, turn, system === 'kafka' ? bench.kafka : undefined);
      measured.push(one);
      process.stderr.write(`${system}: ${JSON.stringify(one)}\n`);
    }
  }
  return results;
}

async function freshDatabase(serverUrl: string): Promise<string> {
  const client = await session(serverUrl);
  await client.query('DROP DATABASE IF EXISTS target WITH (FORCE)');
  await client.query('CREATE DATABASE target');
  await client.end();
  const url = new URL(serverUrl);
  url.pathname = '/target';
  return url.href;
}

/** To a tenth. */
function sum(...values: readonly number[]): number {
  return Math.round(values.reduce((total, value) => total + value, 0) * 10) / 10;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

function driver(own: readonly Measured[], native: readonly Measured[]) {
  const ratio = (of: (measured: Measured) => number) =>
    Math.round(median(own.map((measured, i) => of(measured) / of(native[i]!))) * 100) / 100;
  return {
    snapshotRatio: ratio((measured) => measured.snapshotRowsPerSecond),
    catchupRatio: ratio((measured) => measured.changesPerSecond),
    snapshotRowsPerSecond: median(own.map((measured) => measured.snapshotRowsPerSecond)),
    changesPerSecond: median(own.map((measured) => measured.changesPerSecond)),
    p50Ms: median(own.map((measured) => measured.latency.p50Ms)),
    p95Ms: median(own.map((measured) => measured.latency.p95Ms)),
    p99Ms: median(own.map((measured) => measured.latency.p99Ms)),
    cpuPerChangeMicros: median(own.map(({ cpuPerChangeMicros: cpu }) => sum(cpu.services, cpu.postgres, cpu.broker))),
    servicesCpuPerChangeMicros: median(own.map((measured) => measured.cpuPerChangeMicros.services)),
    peakMb: Math.max(...own.map((measured) => measured.peakMb)),
    equal: own.every((measured) => measured.equal),
  };
}

function summary(results: Results) {
  const { native, ...drivers } = results;
  const entries = Object.entries(drivers).map(([name, own]) => [name, driver(own, native!)] as const);
  return {
    ok: entries.every(([, figures]) => figures.equal),
    native: driver(native!, native!),
    drivers: Object.fromEntries(entries),
  };
}

function print(results: Results): void {
  const { native, drivers } = summary(results);
  const rows = Object.entries({ native, ...drivers });
  const head = [
    '',
    'snapshot rows/s',
    'ratio',
    'changes/s',
    'ratio',
    'p50 ms',
    'p95 ms',
    'p99 ms',
    'CPU µs/change',
    'peak MB',
    'equal',
  ];
  printTable(
    head,
    rows.map(([name, d]) => [
      name,
      ...[d.snapshotRowsPerSecond, d.snapshotRatio, d.changesPerSecond, d.catchupRatio].map(String),
      ...[d.p50Ms, d.p95Ms, d.p99Ms, d.cpuPerChangeMicros, d.peakMb].map(String),
      d.equal ? 'yes' : 'NO',
    ]),
  );
}
