import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Client } from 'pg';
import { expect } from 'vitest';
import { readOnce } from '../../cli/status.js';
import type { ServiceName } from '../../core/service-report.js';
import { loadPipeline } from '../../platform/load-pipeline.js';
import { connect, type Side } from '../../platform/postgres.js';
import type { PipelineStatus, ServiceStatus } from '../../services/control/status/pipeline-status.js';
import { type CliResult, FerryProcess, runFerry, testEnvironment } from './cli.js';
import { eventually } from './eventually.js';
import { createLogin, dropLogin } from './login.js';
import { type FreshDatabase, freshDatabase } from './postgres.js';
import { processesWith } from './processes.js';
import { BACK_MAPPING, CHANGE_SQL, MAPPINGS, SOURCE_SQL, TARGET_SQL } from './small-tables.js';

export interface PairOptions {
  readonly servers: { readonly sourceServer: string; readonly targetServer: string };
  /** Kafka instead of the embedded log. */
  readonly brokers?: string;
  /** Of each topic; default: one. */
  readonly partitions?: number;
  /** TLS and SASL of the brokers. */
  readonly kafka?: KafkaVariables;
  /** Where the embedded log is; default: beside the configuration. */
  readonly logDirectory?: string;
}

/** As in the pipeline.yaml of the pair. */
export type KafkaVariables = Readonly<
  Partial<Record<`KAFKA_TLS_${'CA' | 'CERT' | 'KEY'}` | `KAFKA_SASL_${'MECHANISM' | 'USERNAME' | 'PASSWORD'}`, string>>
>;

const logText = (partitions: number) => `{
  partitions: ${partitions},
  brokers: "\${KAFKA_BROKERS:-}",
  directory: "\${FERRY_LOG_DIR}",
  tls: { ca: "\${KAFKA_TLS_CA:-}", cert: "\${KAFKA_TLS_CERT:-}", key: "\${KAFKA_TLS_KEY:-}" },
  sasl: {
    mechanism: "\${KAFKA_SASL_MECHANISM:-}",
    username: "\${KAFKA_SASL_USERNAME:-}",
    password: "\${KAFKA_SASL_PASSWORD:-}",
  },
}`;

/**
 * Two databases with small tables, a configuration between them, and `ferry` commands as processes on it. Commands
 * connect as roles of the pair's own, with a password that nothing may ever print: close() looks for it, and for that
 * of Kafka.
 */
export class MovingPair {
  readonly #started: FerryProcess[] = [];
  readonly #results: CliResult[] = [];
  source!: Client;
  target!: Client;

  private constructor(
    /** Of the pipeline; also in the names of its slot, its fence and the roles. */
    readonly name: string,
    readonly servers: PairOptions['servers'],
    readonly password: string,
    /** Holds the configuration and the log; no other process has it in its arguments. */
    readonly directory: string,
    readonly databases: { readonly source: FreshDatabase; readonly target: FreshDatabase },
    readonly env: NodeJS.ProcessEnv,
    private readonly partitions: number,
  ) {}

  /** The source with its tables, an empty target, and no configuration yet. */
  static async open(options: PairOptions): Promise<MovingPair> {
    const { sourceServer, targetServer } = options.servers;
    const directory = await mkdtemp(join(tmpdir(), 'ferry-test-pair-'));
    const name = `pair_${randomBytes(5).toString('hex')}`;
    const password = randomBytes(12).toString('hex');
    const databases = {
      source: await freshDatabase(sourceServer, 'pair_source'),
      target: await freshDatabase(targetServer, 'pair_target'),
    };
    const login = (side: Side) =>
      createLogin(databases[side].url, { role: `${name}_${side}`, password, attributes: 'SUPERUSER' });
    const env = testEnvironment({
      SOURCE_URL: await login('source'),
      TARGET_URL: await login('target'),
      KAFKA_BROKERS: options.brokers ?? '',
      ...options.kafka,
      FERRY_LOG_DIR: options.logDirectory ?? join(directory, 'log'),
    });
    const pair = new MovingPair(name, options.servers, password, directory, databases, env, options.partitions ?? 1);
    await pair.connect();
    await pair.source.query(SOURCE_SQL);
    return pair;
  }

  /** With tables in the target, and the configuration written. */
  static async configured(options: PairOptions): Promise<MovingPair> {
    const pair = await MovingPair.open(options);
    await pair.target.query(TARGET_SQL);
    await pair.configure();
    return pair;
  }

  get config(): string {
    return join(this.directory, 'config');
  }

  /** Name of slot and publication. */
  get slot(): string {
    return `ferry_${this.name}`;
  }

  async configure(mappings: Readonly<Record<string, string>> = MAPPINGS): Promise<void> {
    await mkdir(join(this.config, 'mapping'), { recursive: true });
    const text = `pipeline: ${this.name}\nsource: { url: "\${SOURCE_URL}" }\ntarget: { url: "\${TARGET_URL}" }\nlog: ${logText(this.partitions)}\n`;
    await writeFile(join(this.config, 'pipeline.yaml'), text);
    for (const [schema, mapping] of Object.entries(mappings)) {
      await writeFile(join(this.config, 'mapping', `${schema}.yaml`), mapping);
    }
  }

  /** The pipeline of the other direction, beside the configuration. */
  async configureBack(): Promise<void> {
    await mkdir(join(this.back, 'mapping'), { recursive: true });
    const log = logText(this.partitions).replace('FERRY_LOG_DIR}', 'FERRY_LOG_DIR}-back');
    const text = `pipeline: ${this.name}-back\nwayBackOf: ..\nsource: { url: "\${TARGET_URL}" }\ntarget: { url: "\${SOURCE_URL}" }\nlog: ${log}\n`;
    await writeFile(join(this.back, 'pipeline.yaml'), text);
    await writeFile(join(this.back, 'mapping', 'public.yaml'), BACK_MAPPING);
  }

  get back(): string {
    return join(this.config, 'back');
  }

  /** Opens the test's own sessions, as the servers' owner; again after a server was down. */
  async connect(): Promise<void> {
    await this.#disconnect();
    const { source, target } = this.databases;
    this.source = await connect('source', source.url, { applicationName: 'ferry-test' });
    this.target = await connect('target', target.url, { applicationName: 'ferry-test' });
  }

  /** Runs `ferry <command> -c <config>` to its end. */
  async run(command: string, ...args: readonly string[]): Promise<CliResult> {
    return this.runPlain(command, '-c', this.config, ...args);
  }

  async runPlain(...args: readonly string[]): Promise<CliResult> {
    const result = await runFerry(args, this.env);
    this.#results.push(result);
    return result;
  }

  /** Starts `ferry <command> -c <config>`; close() ends it. */
  start(command: string, ...args: readonly string[]): FerryProcess {
    return this.startWith({}, command, ...args);
  }

  /** The same with more in its environment. */
  startWith(env: NodeJS.ProcessEnv, command: string, ...args: readonly string[]): FerryProcess {
    const started = new FerryProcess([command, '-c', this.config, ...args], { ...this.env, ...env });
    this.#started.push(started);
    return started;
  }

  /** `ferry up`, until every table is copied. */
  up(): Promise<FerryProcess> {
    return this.#up(this.config);
  }

  /** The same of the way back. */
  upBack(): Promise<FerryProcess> {
    return this.#up(this.back);
  }

  async #up(config: string): Promise<FerryProcess> {
    const up = new FerryProcess(['up', '-c', config], this.env);
    this.#started.push(up);
    const ended = up.ended.then(({ code, stderr }): never => {
      throw new Error(`ferry up ended with ${code}: ${stderr}`);
    });
    ended.catch(() => {});
    await Promise.race([this.untilStreaming(config), ended]);
    return up;
  }

  /** What `ferry status` shows, read in this process. */
  async status(config = this.config): Promise<PipelineStatus> {
    return readOnce(await loadPipeline(config, this.env));
  }

  async until(
    what: string,
    isMet: (status: PipelineStatus) => boolean,
    { timeoutMs = 60_000, config = this.config }: { timeoutMs?: number; config?: string } = {},
  ): Promise<PipelineStatus> {
    let last: PipelineStatus | undefined;
    const look = async () => {
      last = await this.status(config);
      return isMet(last) ? last : undefined;
    };
    return eventually(look, { what, timeoutMs }).catch((cause) => {
      throw new Error(`${(cause as Error).message}; status: ${JSON.stringify(last)}`, { cause });
    });
  }

  /** Every table is copied, every service runs, and next to nothing is on its way. */
  untilStreaming(config = this.config): Promise<PipelineStatus> {
    const isStreaming = ({ phase, lag, services }: PipelineStatus) => {
      const isCaughtUp = lag.seconds !== null && lag.seconds < 3;
      return phase === 'streaming' && isCaughtUp && services.every((service) => service.state === 'running');
    };
    return this.until('the pipeline to stream', isStreaming, { config });
  }

  /** Waits until a service reports an error. */
  async untilError(service: ServiceName, code: string): Promise<ServiceStatus> {
    const found = ({ services }: PipelineStatus) =>
      services.find((one) => one.service === service && one.error?.code === code);
    return found(await this.until(`${service} to say ${code}`, (status) => found(status) !== undefined))!;
  }

  /** Changes rows of every kind on the source. */
  async change(): Promise<void> {
    await this.source.query(CHANGE_SQL);
  }

  /** Compares all rows by `ferry verify`. */
  async expectEqual(): Promise<void> {
    const result = await this.run('verify', '--json');
    expect(result.json(), result.stderr).toMatchObject({ ok: true });
    expect(result.code).toBe(0);
  }

  /** Process id of one of the services that `ferry up` runs. */
  async pidOf(service: ServiceName): Promise<number> {
    const isIt = ({ args }: { args: string }) => args.includes(` ${service} -c `);
    const find = async () => (await processesWith(this.config)).find(isIt)?.pid;
    return eventually(find, { what: `the process of ${service}` });
  }

  /** What nothing may print. */
  get secrets(): readonly string[] {
    const { KAFKA_SASL_PASSWORD: kafka } = this.env;
    return kafka ? [this.password, kafka] : [this.password];
  }

  /** Ends what was started as operators do. */
  async stopAll(): Promise<void> {
    await Promise.all(this.#started.map((started) => started.stop()));
  }

  /** The same, removes everything, and looks for secrets in all that was said. */
  async close(): Promise<void> {
    const ended = await Promise.all(this.#started.map((started) => started.stop()));
    await this.#disconnect();
    for (const side of ['source', 'target'] as const) {
      await this.databases[side].drop();
      await dropLogin(this.servers[`${side}Server`], `${this.name}_${side}`);
    }
    await rm(this.directory, { recursive: true, force: true });
    for (const { stdout, stderr } of [...this.#results, ...ended]) {
      for (const secret of this.secrets) expect(stdout + stderr).not.toContain(secret);
    }
  }

  async #disconnect(): Promise<void> {
    await this.source?.end().catch(() => {});
    await this.target?.end().catch(() => {});
  }
}
