import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Client } from 'pg';
import type { ServiceName } from '../core/service-report.js';
import { FAILPOINTS } from '../platform/failpoint.js';
import { type LoadedPipeline, loadPipeline } from '../platform/load-pipeline.js';
import { connect } from '../platform/postgres.js';
import { countWritesSql } from '../test/support/append-proof.js';
import { testEnvironment } from '../test/support/cli.js';
import { freePort, SINGLE_BROKER, untilReady } from '../test/support/kafka.js';
import { type MavenKafka, startMavenKafka } from '../test/support/kafka-from-maven.js';
import { type OwnServer, ownServer } from '../test/support/own-server.js';
import { fromPublic, moveTablesSql, type Tables, writePipelineFiles } from '../test/support/pipeline-files.js';
import type { Random } from '../test/support/random.js';
import { ServiceProcess } from '../test/support/service-process.js';
import { Network } from './network.js';
import { type RandomTable, randomTable, TYPES } from './tables.js';

export type Driver = 'embedded' | 'kafka';
export type Side = 'source' | 'target';

/** A server behind a network of its own. */
export interface Place {
  readonly server: OwnServer;
  readonly network: Network;
}

export interface Broker {
  readonly server: MavenKafka;
  readonly network: Network;
}

const SERVICES = ['capture', 'transform', 'apply'] as const;
/** Each is passed some fifty times a second, a chunk's less often: a death every few seconds. */
const FAILPOINT_CHANCES = FAILPOINTS.map((place) => `${place}=${place === 'capture.chunk-read' ? 0.01 : 0.002}`).join();
const BROKER_READY_MS = 90_000;

/** Everything that a run may break: servers, networks, services; and the tables that are moved meanwhile. */
export class World implements AsyncDisposable {
  readonly config: LoadedPipeline;
  readonly tables: readonly RandomTable[];
  readonly source: Place;
  readonly target: Place;
  readonly broker: Broker | undefined;
  readonly services: readonly ServiceProcess[];
  readonly #undo: (() => Promise<void>)[];
  #processes = 0;

  private constructor(parts: {
    config: LoadedPipeline;
    tables: readonly RandomTable[];
    source: Place;
    target: Place;
    broker: Broker | undefined;
    undo: (() => Promise<void>)[];
  }) {
    this.config = parts.config;
    this.tables = parts.tables;
    this.source = parts.source;
    this.target = parts.target;
    this.broker = parts.broker;
    this.#undo = parts.undo;
    this.services = SERVICES.map((service) => this.another(service));
  }

  /**
   * Starts servers and makes the tables, with some rows; the services are not started.
   * @param options.directory of the pipeline's files and of what the services say, kept; else they go with the world.
   */
  static async start(options: { driver: Driver; tables: number; random: Random; directory?: string }): Promise<World> {
    const undo: (() => Promise<void>)[] = [];
    try {
      const [source, target] = [await startPlace(undo), await startPlace(undo)];
      const broker = options.driver === 'kafka' ? await startBroker(undo) : undefined;
      const tables = Array.from({ length: options.tables }, (_, n) => randomTable(n, options.random));
      const directory = options.directory ?? (await mkdtemp(join(tmpdir(), 'ferry-chaos-')));
      if (options.directory === undefined) undo.push(() => rm(directory, { recursive: true, force: true }));
      const mapped = mappedTables(tables);
      await writePipelineFiles(directory, {
        name: 'chaos',
        tables: mapped,
        ...(broker ? { kafka: { brokers: [`127.0.0.1:${broker.network.port}`] } } : {}),
        // Small, so that many changes meet the chunk that has their row.
        capture: { snapshotChunkRows: 5 },
      });
      const env = { SOURCE_URL: through(source), TARGET_URL: through(target) };
      const config = await loadPipeline(directory, env);
      const world = new World({ config, tables, source, target, broker, undo });
      await run(source.server.url, `${schemaSql(tables)}; ${fillSql(tables)}`);
      await world.prepareTarget(target.server.url);
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

  /** A process of a service that dies at failpoints, not started yet. */
  another(service: ServiceName): ServiceProcess {
    const made = this.service(service, { ...this.env, FERRY_FAILPOINTS: FAILPOINT_CHANCES });
    this.#undo.push(() => made.kill());
    return made;
  }

  service(service: ServiceName, env: NodeJS.ProcessEnv): ServiceProcess {
    const stderrFile = join(this.config.directory, `${service}-${this.#processes++}.log`);
    return new ServiceProcess(service, { config: this.config.directory, stderrFile, env });
  }

  /** Makes the domain schemas with their tables, empty, and a trigger that counts what is written to the journal. */
  async prepareTarget(url: string): Promise<void> {
    const counted = countWritesSql([{ schema: 'shared', table: 'journal' }]);
    await run(url, `${schemaSql(this.tables)}; ${moveTablesSql(mappedTables(this.tables))}; ${counted}`);
  }

  async brokerUp(): Promise<void> {
    this.broker!.server.up();
    await untilReady(this.config.log.brokers, { timeoutMs: BROKER_READY_MS });
  }

  /** Ends services, networks and servers, and removes their data. */
  async [Symbol.asyncDispose](): Promise<void> {
    await undoAll(this.#undo);
  }
}

async function startPlace(undo: (() => Promise<void>)[]): Promise<Place> {
  const server = await ownServer();
  undo.push(() => server.stop());
  const url = new URL(server.url);
  const network = await Network.start({ host: url.hostname, port: Number(url.port) });
  undo.push(() => network.stop());
  return { server, network };
}

async function startBroker(undo: (() => Promise<void>)[]): Promise<Broker> {
  const [port, controller] = [await freePort(), await freePort()];
  const network = await Network.start({ host: '127.0.0.1', port });
  undo.push(() => network.stop());
  // Clients go on where the broker tells them to: to the network, not around it.
  const settings = { ...SINGLE_BROKER, 'advertised.listeners': `PLAINTEXT://127.0.0.1:${network.port}` };
  const server = await startMavenKafka(settings, { broker: port, controller });
  undo.push(() => server.stop());
  await Promise.race([untilReady([`127.0.0.1:${network.port}`], { timeoutMs: BROKER_READY_MS }), server.failed]);
  server.failed.catch(() => {});
  return { server, network };
}

function through({ server, network }: Place): string {
  const url = new URL(server.url);
  url.port = String(network.port);
  return url.href;
}

/** Every other table goes to another domain. */
function mappedTables(tables: readonly RandomTable[]): Tables {
  const names = (rest: number) => tables.filter((_, i) => i % 2 === rest).map(({ name }) => name);
  return { growth: fromPublic(...names(0)), shared: fromPublic(...names(1), 'journal') };
}

function schemaSql(tables: readonly RandomTable[]): string {
  const journal = `CREATE TABLE public.journal (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, note text)`;
  return [TYPES, ...tables.map(({ sql }) => sql), journal].join(';\n');
}

function fillSql(tables: readonly RandomTable[]): string {
  return `INSERT INTO public.journal (note) SELECT 'before' FROM generate_series(1, 500); ${tables.map(({ firstRows }) => firstRows).join('; ')}`;
}

async function run(url: string, sql: string): Promise<void> {
  const session = await connect('source', url, { applicationName: 'chaos' });
  try {
    await session.query(sql);
  } finally {
    await session.end();
  }
}

async function undoAll(undo: (() => Promise<void>)[]): Promise<void> {
  for (const one of undo.reverse()) await one().catch(() => {});
}
