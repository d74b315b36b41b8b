import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Client } from 'pg';
import { expect } from 'vitest';
import { readOnce } from '../../cli/status.js';
import { formatLsn, type Lsn } from '../../core/lsn.js';
import { displayName } from '../../core/relation.js';
import type { ServiceName } from '../../core/service-report.js';
import { readCopiedSources } from '../../platform/control-schema.js';
import { openLog } from '../../platform/event-log/open.js';
import type { EventLog } from '../../platform/event-log/port.js';
import { type LoadedPipeline, loadPipeline } from '../../platform/load-pipeline.js';
import { silentLogger } from '../../platform/logger.js';
import { connect } from '../../platform/postgres.js';
import type { Phase, PipelineStatus } from '../../services/control/status/pipeline-status.js';
import { appliedInAll, emitMarker } from './applied.js';
import { type CliResult, runFerry, testEnvironment } from './cli.js';
import type { Driver } from './drivers.js';
import { eventually } from './eventually.js';
import { moveTablesSql, type Tables, writePipelineFiles } from './pipeline-files.js';
import { type FreshDatabase, freshDatabase } from './postgres.js';
import { testServers } from './servers.js';
import { ServiceProcess } from './service-process.js';
import { tableDifferences } from './table-differences.js';

export interface PipelineOptions {
  readonly driver: Driver;
  /** The source's tables and types. The target gets the same, and its tables are moved to where the mapping has them. */
  readonly schemaSql: string;
  /** Run in the source alone, after that: rows, replica identities. */
  readonly sourceSql?: string;
  /** Run in the target alone, after the tables stand in their domain schemas. */
  readonly targetSql?: string;
  readonly tables: Tables;
  /** Of the raw topic and of each domain topic; 1 when not given. */
  readonly partitions?: number;
  /** Text of the module of the rule `call`. */
  readonly functions?: string;
  /** Sections of pipeline.yaml. */
  readonly capture?: Readonly<Record<string, number | string>>;
  readonly apply?: Readonly<Record<string, number | string>>;
  /** Brokers of the test's own; the shared one otherwise. */
  readonly kafka?: { readonly brokers: readonly string[]; readonly replicationFactor: number };
  /** URL of a source server of the test's own; the shared one otherwise. */
  readonly sourceServer?: string;
  /** The same of the target. */
  readonly targetServer?: string;
}

/**
 * A pipeline for one test or one suite: fresh databases, a configuration directory, a log, and its services as
 * processes that the test starts, stops and kills. Disposed of, nothing of it is left, Kafka's topics excepted.
 */
export class Pipeline implements AsyncDisposable {
  readonly config: LoadedPipeline;
  /** Sessions with pinned settings: values are text, and names must be qualified. */
  readonly source: Client;
  readonly target: Client;
  readonly capture: ServiceProcess;
  readonly transform: ServiceProcess;
  readonly apply: ServiceProcess;
  readonly #processes: ServiceProcess[] = [];
  readonly #sessions: Client[];
  readonly #cleanUp: () => Promise<void>;

  constructor(config: LoadedPipeline, sessions: { source: Client; target: Client }, cleanUp: () => Promise<void>) {
    this.config = config;
    this.source = sessions.source;
    this.target = sessions.target;
    this.#sessions = [sessions.source, sessions.target];
    this.#cleanUp = cleanUp;
    this.capture = this.process('capture');
    this.transform = this.process('transform');
    this.apply = this.process('apply');
  }

  /** What every command of the pipeline runs with. */
  get env(): NodeJS.ProcessEnv {
    return testEnvironment({ SOURCE_URL: this.config.source.url, TARGET_URL: this.config.target.url });
  }

  /**
   * One more process of a service, not started yet.
   * @param env beside what every command runs with.
   */
  process(service: ServiceName, env: NodeJS.ProcessEnv = {}): ServiceProcess {
    const file = join(this.config.directory, `${service}-${this.#processes.length}.log`);
    const made = new ServiceProcess(service, {
      config: this.config.directory,
      stderrFile: file,
      env: { ...this.env, ...env },
    });
    this.#processes.push(made);
    return made;
  }

  /** Starts capture, transform and apply. */
  start(): void {
    for (const service of [this.capture, this.transform, this.apply]) service.start();
  }

  /** Lets all three drain and stop. */
  async stop(): Promise<void> {
    await Promise.all([this.capture, this.transform, this.apply].map((service) => service.stop()));
  }

  /** Another session, which ends with the pipeline at the latest. */
  async connect(side: 'source' | 'target'): Promise<Client> {
    const session = await connect(side, this.config[side].url, { applicationName: 'ferry-test' });
    this.#sessions.push(session);
    return session;
  }

  /** The pipeline's log; whoever opens it disposes of it. */
  openLog(): Promise<EventLog> {
    return openLog(this.config, 'ferry-test', silentLogger);
  }

  /** `ferry <command> ... -c <directory>`, to its end. */
  ferry(command: string, ...args: readonly string[]): Promise<CliResult> {
    return runFerry([command, ...args, '-c', this.config.directory], this.env);
  }

  /** What `ferry status` shows, read by this process: tests ask often. */
  async status(): Promise<PipelineStatus> {
    return readOnce(await loadPipeline(this.config.directory, this.env));
  }

  /** The status once it has come to a phase: the services put down where they are each second. */
  async statusIn(phase: Phase): Promise<PipelineStatus> {
    let status = await this.status();
    await this.until(`the phase ${phase}`, async () => {
      if (status.phase !== phase) status = await this.status();
      return status.phase === phase;
    });
    return status;
  }

  /**
   * Like {@link eventually}, but it fails at once when a service has ended by itself, and says what the services said.
   */
  async until(what: string, condition: () => boolean | Promise<boolean>, timeoutMs = 60_000): Promise<void> {
    const failed = () => this.#processes.find((service) => service.hasFailed);
    try {
      await eventually(async () => failed() || (await condition()), { what, timeoutMs });
      if (failed()) throw new Error(`${failed()!.service} ended while waiting for ${what}`);
    } catch (error) {
      throw await this.#withWhatWasSaid(error as Error);
    }
  }

  async #withWhatWasSaid(error: Error): Promise<Error> {
    const said = this.#processes.map(async (service) => `--- ${service.service}\n${await service.stderrTail()}`);
    return new Error([error.message, ...(await Promise.all(said))].join('\n'), { cause: error });
  }

  /** Waits until every table's snapshot is applied to its end. */
  async untilStreaming(timeoutMs?: number): Promise<void> {
    await this.until('every table to be copied', () => this.isCopied(), timeoutMs);
  }

  async isCopied(): Promise<boolean> {
    const copied = await readCopiedSources(this.target, this.config.name, this.config.log.partitions);
    return copied.size === this.config.tables.length;
  }

  /** Waits until everything that is committed at the source now is applied. */
  async untilApplied(timeoutMs?: number): Promise<void> {
    const marker = await emitMarker(this.source);
    await this.until(
      `the marker at ${formatLsn(marker)} to be applied`,
      async () => ((await this.appliedThrough()) ?? 0n) > marker,
      timeoutMs,
    );
  }

  /** undefined before apply has a checkpoint for every domain. */
  async appliedThrough(): Promise<Lsn | undefined> {
    return appliedInAll(this.config, this.target);
  }

  /** Compares the named source tables (`public.t`), or all of them, with their targets. */
  async expectEqual(...tables: readonly string[]): Promise<void> {
    const chosen = this.config.tables.filter(
      ({ source }) => tables.length === 0 || tables.includes(displayName(source)),
    );
    expect(chosen.length).toBe(tables.length || this.config.tables.length);
    try {
      const found = [];
      for (const mapping of chosen) found.push(...(await tableDifferences(this.source, this.target, mapping)));
      expect(found).toEqual([]);
    } catch (error) {
      throw await this.#withWhatWasSaid(error as Error);
    }
  }

  /** {@link untilApplied}, then {@link expectEqual}. */
  async expectApplied(...tables: readonly string[]): Promise<void> {
    await this.untilApplied();
    await this.expectEqual(...tables);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Nothing here is worth draining, and a process that a test has halted with SIGSTOP ends of nothing else.
    await Promise.all(this.#processes.map((service) => service.kill()));
    for (const session of this.#sessions) await session.end().catch(() => {});
    await this.#cleanUp();
  }
}

/** Makes a pipeline; its services are not started. */
export async function makePipeline(options: PipelineOptions): Promise<Pipeline> {
  const servers = testServers();
  const name = `t${randomBytes(5).toString('hex')}`;
  const databases: FreshDatabase[] = [];
  const directory = await mkdtemp(join(tmpdir(), 'ferry-test-pipeline-'));
  const cleanUp = async () => {
    await Promise.all(databases.map((database) => database.drop()));
    await rm(directory, { recursive: true, force: true });
  };
  try {
    const source = await freshDatabase(options.sourceServer ?? servers.sourceServer, 'pipeline_source');
    databases.push(source);
    const target = await freshDatabase(options.targetServer ?? servers.targetServer, 'pipeline_target');
    databases.push(target);
    const { driver, kafka = { brokers: servers.brokers! }, ...rest } = options;
    await writePipelineFiles(directory, { name, ...rest, ...(driver === 'kafka' ? { kafka } : {}) });
    const config = await loadPipeline(directory, { SOURCE_URL: source.url, TARGET_URL: target.url });
    const sessions = {
      source: await connect('source', source.url, { applicationName: 'ferry-test' }),
      target: await connect('target', target.url, { applicationName: 'ferry-test' }),
    };
    const pipeline = new Pipeline(config, sessions, cleanUp);
    await sessions.source.query(`${options.schemaSql};\n${options.sourceSql ?? ''}`);
    await sessions.target.query(`${options.schemaSql};\n${moveTablesSql(options.tables)};\n${options.targetSql ?? ''}`);
    return pipeline;
  } catch (error) {
    await cleanUp();
    throw error;
  }
}

/** Makes a pipeline and waits until it streams. */
export async function startPipeline(options: PipelineOptions): Promise<Pipeline> {
  const pipeline = await makePipeline(options);
  try {
    pipeline.start();
    await pipeline.untilStreaming();
    return pipeline;
  } catch (error) {
    await pipeline[Symbol.asyncDispose]();
    throw error;
  }
}
