import type pg from 'pg';
import type { EmbeddedServer } from '../platform/embedded-server.js';
import { FerryPipeline } from './ferry.js';
import { cpuSeconds, treeCpuSeconds } from './processes.js';
import { type Latencies, measureLatency } from './steady.js';
import {
  areEqual,
  change,
  createSchema,
  type Layout,
  MAPPING,
  session,
  steadyWork,
  untilChanged,
  untilCopied,
} from './workload.js';

export interface Bench {
  readonly servers: { readonly source: EmbeddedServer; readonly target: EmbeddedServer };
  readonly sourceUrl: string;
  readonly source: pg.Client;
  /** Makes an empty target database, and gives its URL. */
  readonly freshTarget: () => Promise<string>;
  /** Where the measurement over Kafka goes. */
  readonly kafka: MeasuredKafka | undefined;
  readonly directory: string;
  readonly changes: number;
  readonly steadySeconds: number;
}

export interface Measured {
  readonly snapshotRowsPerSecond: number;
  readonly changesPerSecond: number;
  readonly latency: Latencies;
  /** CPU per change of the catch-up: of the services, of both PostgreSQL servers, of the broker if it is ours. */
  readonly cpuPerChangeMicros: { readonly services: number; readonly postgres: number; readonly broker: number };
  readonly peakMb: number;
  readonly equal: boolean;
}

export interface MeasuredKafka {
  /** host:port */
  readonly brokers: readonly string[];
  /** Undefined for brokers whose processes are not ours to look at. */
  readonly pid: number | undefined;
}

/** A replicator under measurement. */
interface Replicator {
  readonly layout: Layout;
  start(): Promise<void>;
  stop(): Promise<void>;
  use(): { readonly cpuSeconds: number; readonly peakMb: number };
  /** CPU seconds of the broker that it uses, so far. */
  brokerCpu(): number;
  end(): Promise<void>;
}

/** PostgreSQL's own logical replication, which maps nothing: what we are compared with. */
export async function measureNative(bench: Bench, run: number): Promise<Measured> {
  const targetUrl = await bench.freshTarget();
  const target = await session(targetUrl);
  await bench.source.query(
    'DROP PUBLICATION IF EXISTS native; CREATE PUBLICATION native FOR TABLE accounts, artifacts, events',
  );
  let isMade = false;
  return measure(bench, run, target, {
    layout: 'public',
    start: async () => {
      const connection = `CONNECTION '${bench.sourceUrl}' PUBLICATION native`;
      await target.query(isMade ? 'ALTER SUBSCRIPTION native ENABLE' : `CREATE SUBSCRIPTION native ${connection}`);
      isMade = true;
    },
    stop: async () => {
      await target.query('ALTER SUBSCRIPTION native DISABLE');
    },
    use: () => ({ cpuSeconds: 0, peakMb: 0 }),
    brokerCpu: () => 0,
    end: async () => {
      await target.query('DROP SUBSCRIPTION native');
    },
  });
}

/** @param kafka undefined measures over the embedded log. */
export async function measureFerry(bench: Bench, run: number, kafka: MeasuredKafka | undefined): Promise<Measured> {
  const targetUrl = await bench.freshTarget();
  const name = `bench-${kafka ? 'kafka' : 'embedded'}-${process.pid}-${run}`;
  const pipeline = await FerryPipeline.create({
    directory: `${bench.directory}/${name}`,
    name,
    sourceUrl: bench.sourceUrl,
    targetUrl,
    brokers: kafka?.brokers ?? [],
    mapping: MAPPING,
  });
  const slot = `ferry_${name.replaceAll('-', '_')}`;
  return measure(bench, run, await session(targetUrl), {
    layout: 'mapped',
    start: () => pipeline.start(),
    stop: () => pipeline.stop(),
    use: () => pipeline.use(),
    brokerCpu: () => (kafka?.pid ? cpuSeconds(kafka.pid) : 0),
    end: async () => {
      await pipeline.stop();
      await bench.source.query(`SELECT pg_drop_replication_slot('${slot}')`);
      await bench.source.query(`DROP PUBLICATION ${slot}`);
    },
  });
}

async function measure(bench: Bench, run: number, target: pg.Client, replicator: Replicator): Promise<Measured> {
  const { source, changes } = bench;
  const { layout } = replicator;
  try {
    await createSchema(target, layout);
    const copyStartedAt = performance.now();
    await replicator.start();
    const rows = await untilCopied(source, target, layout);
    const copyMs = performance.now() - copyStartedAt;
    await replicator.stop();

    await change(source, changes, run);
    const before = postgresCpu(bench);
    const brokerBefore = replicator.brokerCpu();
    const catchUpStartedAt = performance.now();
    await replicator.start();
    await untilChanged(target, layout, run);
    const catchUpMs = performance.now() - catchUpStartedAt;
    const postgres = postgresCpu(bench) - before;
    const services = replicator.use();
    const broker = replicator.brokerCpu() - brokerBefore;

    await settle(source, target);
    const probeBase = 4_000_000_000 + run * 10_000_000;
    const latency = await measureLatency(bench.sourceUrl, target, steadyWork(layout, probeBase), {
      seconds: bench.steadySeconds,
      probeBase,
    });
    const { peakMb } = replicator.use();
    return {
      snapshotRowsPerSecond: Math.round((rows / copyMs) * 1_000),
      changesPerSecond: Math.round((changes / catchUpMs) * 1_000),
      latency,
      cpuPerChangeMicros: {
        services: micros(services.cpuSeconds, changes),
        postgres: micros(postgres, changes),
        broker: micros(broker, changes),
      },
      peakMb,
      equal: await untilEqual(source, target, layout),
    };
  } finally {
    await replicator.end();
    await target.end();
  }
}

/** What the copy and the catch-up left to do would otherwise be done while latency is measured: autovacuum, dirty pages. */
async function settle(...databases: readonly pg.Client[]): Promise<void> {
  await Promise.all(databases.map((client) => client.query('VACUUM ANALYZE')));
  await Promise.all(databases.map((client) => client.query('CHECKPOINT')));
}

function postgresCpu({ servers }: Bench): number {
  return treeCpuSeconds(servers.source.pid) + treeCpuSeconds(servers.target.pid);
}

function micros(seconds: number, changes: number): number {
  return Math.round((seconds * 1_000_000 * 10) / changes) / 10;
}

/** The last steady changes may still be on their way. */
async function untilEqual(source: pg.Client, target: pg.Client, layout: Layout): Promise<boolean> {
  for (let tries = 0; tries < 10; tries++) if (await areEqual(source, target, layout)) return true;
  return false;
}
