import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Client } from 'pg';
import type { ServiceName } from '../core/service-report.js';
import { type LoadedPipeline, loadPipeline } from '../platform/load-pipeline.js';
import { connect } from '../platform/postgres.js';
import { testEnvironment } from '../test/support/cli.js';
import { writePipelineFiles } from '../test/support/pipeline-files.js';
import { Random } from '../test/support/random.js';
import { ServiceProcess } from '../test/support/service-process.js';
import { DoomedProcess } from './doomed-process.js';
import { FailpointPlan } from './failpoint-plan.js';
import { type Broker, brokerReady, type Place, startBroker, startPlace, through, type Undo } from './places.js';
import { mappingOf, sourceSql, targetSql } from './scene.js';
import { type RandomTable, randomTable } from './tables.js';

export type Driver = 'embedded' | 'kafka';
export type Side = 'source' | 'target';

export interface WorldOptions {
  readonly driver: Driver;
  /** How many random ones. */
  readonly tables: number;
  /** Of each topic; else as the seed says. */
  readonly partitions?: number | undefined;
  /** That the run is to take: what is copied meanwhile lasts as long. */
  readonly seconds: number;
  readonly random: Random;
  /** Of the pipeline's files and of what the services say, kept; else they go with the world. */
  readonly directory?: string | undefined;
}

const SERVICES = ['capture', 'transform', 'apply'] as const;

/** Everything that a run may break: servers, networks, services; and the tables that are moved meanwhile. */
export class World implements AsyncDisposable {
  readonly config: LoadedPipeline;
  readonly tables: readonly RandomTable[];
  readonly source: Place;
  readonly target: Place;
  readonly broker: Broker | undefined;
  readonly services: readonly DoomedProcess[];
  readonly plan: FailpointPlan;
  /** Every process of a service, replaced ones included. */
  readonly processes: DoomedProcess[] = [];
  readonly #undo: Undo;
  readonly #repeats: ServiceName[] = [];
  #files = 0;

  private constructor(parts: {
    plan: FailpointPlan;
    config: LoadedPipeline;
    tables: readonly RandomTable[];
    source: Place;
    target: Place;
    broker: Broker | undefined;
    undo: Undo;
  }) {
    this.plan = parts.plan;
    this.config = parts.config;
    this.tables = parts.tables;
    this.source = parts.source;
    this.target = parts.target;
    this.broker = parts.broker;
    this.#undo = parts.undo;
    this.services = SERVICES.map((service) => this.#doomed(service, false));
  }

  /** Starts servers and makes the tables, with some rows; the services are not started. */
  static async start(options: WorldOptions): Promise<World> {
    const undo: Undo = [];
    try {
      const [source, target] = [await startPlace(undo), await startPlace(undo)];
      const broker = options.driver === 'kafka' ? await startBroker(undo) : undefined;
      const tables = Array.from({ length: options.tables }, (_, n) => randomTable(n, options.random));
      const plan = new FailpointPlan(new Random(options.random.int(1, 1e9)), { cutsRecords: broker !== undefined });
      const directory = options.directory ?? (await mkdtemp(join(tmpdir(), 'ferry-chaos-')));
      if (options.directory === undefined) undo.push(() => rm(directory, { recursive: true, force: true }));
      await writePipelineFiles(directory, {
        name: 'chaos',
        tables: mappingOf(tables),
        partitions: options.partitions ?? options.random.pick([1, 3]),
        ...(broker ? { kafka: { brokers: [`127.0.0.1:${broker.network.port}`] } } : {}),
        // Small, so that many changes meet the chunk that has their row.
        capture: { snapshotChunkRows: 5 },
        apply: { onRefusal: 'dead-letter', deadLetterLimit: 1_000_000 },
      });
      const env = { SOURCE_URL: through(source), TARGET_URL: through(target) };
      const config = await loadPipeline(directory, env);
      const world = new World({ plan, config, tables, source, target, broker, undo });
      await run(source.server.url, sourceSql(tables, options.seconds));
      await world.prepareTarget(target.server.url, { refuses: true });
      return world;
    } catch (error) {
      await undoAll(undo);
      throw error;
    }
  }

  /** Of commands and services; the databases are reached through their networks. */
  get env(): NodeJS.ProcessEnv {
    return testEnvironment({ SOURCE_URL: this.config.source.url, TARGET_URL: this.config.target.url });
  }

  /** A session that does not go through the network. */
  connect(side: Side): Promise<Client> {
    return connect(side, this[side].server.url, { applicationName: 'chaos' });
  }

  /** A process of a service that dies and stands still as planned, not started yet. */
  #doomed(service: ServiceName, isRival: boolean): DoomedProcess {
    const made = new DoomedProcess(this.plan, isRival, service, this.#process(service, this.env));
    this.processes.push(made);
    this.#undo.push(() => made.kill());
    return made;
  }

  /** Another one, for the same work as one that runs. */
  rival(service: ServiceName): DoomedProcess {
    this.repeats(service);
    return this.#doomed(service, true);
  }

  /** What a service has appended may come once more. */
  repeats(service: ServiceName): void {
    this.#repeats.push(service);
  }

  /** How often a service may append what stands in the log: two did not know of each other, or an answer was lost. */
  mayRepeat(service: ServiceName): number {
    return 2 * this.#repeats.filter((repeated) => repeated === service).length + (this.broker?.faults ?? 0);
  }

  /** A process of a service that nothing is planned for. */
  service(service: ServiceName, env: NodeJS.ProcessEnv): ServiceProcess {
    return new ServiceProcess(service, this.#process(service, env));
  }

  #process(service: ServiceName, env: NodeJS.ProcessEnv) {
    const { directory } = this.config;
    return { config: directory, stderrFile: join(directory, `${service}-${this.#files++}.log`), env };
  }

  /** Makes the domain schemas with their tables, empty. */
  async prepareTarget(url: string, options: { refuses: boolean }): Promise<void> {
    await run(url, targetSql(this.tables, options));
  }

  async brokerUp(): Promise<void> {
    this.broker!.server.up();
    await brokerReady(this.broker!.network);
  }

  /** Ends services, networks and servers, and removes their data. */
  async [Symbol.asyncDispose](): Promise<void> {
    await undoAll(this.#undo);
  }
}

async function run(url: string, sql: string): Promise<void> {
  const session = await connect('source', url, { applicationName: 'chaos' });
  try {
    await session.query(sql);
  } finally {
    await session.end();
  }
}

async function undoAll(undo: Undo): Promise<void> {
  for (const one of undo.reverse()) await one().catch(() => {});
}
