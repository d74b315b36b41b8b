import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Client } from 'pg';
import { expect } from 'vitest';
import { readOnce } from '../../cli/status.js';
import { loadPipeline } from '../../platform/load-pipeline.js';
import { connect } from '../../platform/postgres.js';
import type { PipelineStatus, ServiceStatus } from '../../services/control/status/pipeline-status.js';
import type { VerifyReport } from '../../services/control/verify/report.js';
import { type CliResult, FerryProcess, runFerry, testEnvironment } from './cli.js';
import { eventually } from './eventually.js';
import { type FreshDatabase, freshDatabase } from './postgres.js';
import { processesWith } from './processes.js';

/** Small tables with what a cutover has to look after: a serial, an identity, a foreign key, a key that is text. */
export const SOURCE_SQL = `
CREATE TABLE public.users (id serial PRIMARY KEY, name text NOT NULL, email text UNIQUE);
CREATE TABLE public.orders (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  user_id int NOT NULL REFERENCES public.users,
  total numeric(12,2) NOT NULL DEFAULT 0,
  note text,
  placed_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE public.settings (key text PRIMARY KEY, value jsonb);
INSERT INTO public.users (name, email) SELECT 'user ' || n, 'user' || n || '@example.org' FROM generate_series(1, 300) n;
INSERT INTO public.orders (user_id, total, note) SELECT 1 + n % 300, n, 'order ' || n FROM generate_series(1, 900) n;
INSERT INTO public.settings SELECT 'setting ' || n, jsonb_build_object('n', n) FROM generate_series(1, 50) n;
`;

export const TARGET_SQL = `
CREATE SCHEMA growth; CREATE SCHEMA shared;
CREATE TABLE shared.users (id serial PRIMARY KEY, name text NOT NULL, email text UNIQUE);
CREATE TABLE growth.orders (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  user_id int NOT NULL,
  total numeric(12,2) NOT NULL DEFAULT 0,
  note text,
  placed_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE growth.settings (key text PRIMARY KEY, value jsonb);
`;

export const MAPPINGS: Readonly<Record<string, string>> = {
  growth: 'schema: growth\ntables:\n  orders:\n    from: public.orders\n  settings:\n    from: public.settings\n',
  shared: 'schema: shared\ntables:\n  users:\n    from: public.users\n',
};

export interface PairOptions {
  readonly servers: { readonly sourceServer: string; readonly targetServer: string };
  /** Kafka instead of the embedded log. */
  readonly brokers?: string;
  /** Undefined for the small tables above; init then writes the configuration and creates the target. */
  readonly targetSql?: string;
  readonly mappings?: Readonly<Record<string, string>>;
}

/**
 * Two new databases, a configuration between them, and `ferry` commands as processes on it. Waits on the status that
 * `ferry status` shows, read in this process.
 */
export class MovingPair {
  readonly #started: FerryProcess[] = [];
  /** Everything that commands and services have said. */
  readonly said: string[] = [];
  source!: Client;
  target!: Client;

  private constructor(
    /** Of the pipeline; also in the names of its slot and fence. */
    readonly name: string,
    /** Holds the configuration and the log; nothing else has its name. */
    readonly directory: string,
    readonly databases: { readonly source: FreshDatabase; readonly target: FreshDatabase },
    readonly env: NodeJS.ProcessEnv,
  ) {}

  /** Opens two databases with the small tables, and the directory `config`, which is not there yet. */
  static async open(options: Omit<PairOptions, 'mappings'>): Promise<MovingPair> {
    const { sourceServer, targetServer } = options.servers;
    const directory = await mkdtemp(join(tmpdir(), 'ferry-test-pair-'));
    const databases = {
      source: await freshDatabase(sourceServer, 'pair_source'),
      target: await freshDatabase(targetServer, 'pair_target'),
    };
    const env = testEnvironment({
      SOURCE_URL: databases.source.url,
      TARGET_URL: databases.target.url,
      KAFKA_BROKERS: options.brokers ?? '',
      FERRY_LOG_DIR: join(directory, 'log'),
    });
    const pair = new MovingPair(`pair_${randomBytes(5).toString('hex')}`, directory, databases, env);
    await pair.connect();
    await pair.source.query(SOURCE_SQL);
    if (options.targetSql) await pair.target.query(options.targetSql);
    return pair;
  }

  /** The same with the tables in the target, and the configuration written. */
  static async configured(options: PairOptions): Promise<MovingPair> {
    const pair = await MovingPair.open({ targetSql: TARGET_SQL, ...options });
    await pair.configure({ mappings: options.mappings });
    return pair;
  }

  get config(): string {
    return join(this.directory, 'config');
  }

  /** Name of slot and publication. */
  get slot(): string {
    return `ferry_${this.name}`;
  }

  async configure(options: { mappings?: Readonly<Record<string, string>>; more?: string } = {}): Promise<void> {
    await mkdir(join(this.config, 'mapping'), { recursive: true });
    await writeFile(
      join(this.config, 'pipeline.yaml'),
      `pipeline: ${this.name}
source:
  url: \${SOURCE_URL}
target:
  url: \${TARGET_URL}
log:
  brokers: \${KAFKA_BROKERS:-}
  directory: \${FERRY_LOG_DIR}
${options.more ?? ''}`,
    );
    for (const [schema, text] of Object.entries(options.mappings ?? MAPPINGS)) {
      await writeFile(join(this.config, 'mapping', `${schema}.yaml`), text);
    }
  }

  /** Sessions of the test's own; again after a server was down. */
  async connect(): Promise<void> {
    await this.#disconnect();
    this.source = await connect('source', this.databases.source.url, { applicationName: 'ferry-test' });
    this.target = await connect('target', this.databases.target.url, { applicationName: 'ferry-test' });
  }

  /** Runs `ferry <command> -c <config>` to its end. */
  async run(command: string, ...args: readonly string[]): Promise<CliResult> {
    const result = await runFerry([command, '-c', this.config, ...args], this.env);
    this.said.push(result.stdout, result.stderr);
    return result;
  }

  start(command: string, ...args: readonly string[]): FerryProcess {
    const started = new FerryProcess([command, '-c', this.config, ...args], this.env);
    this.#started.push(started);
    return started;
  }

  /** `ferry up`, until every table is copied. */
  async up(): Promise<FerryProcess> {
    const up = this.start('up');
    await Promise.race([
      this.untilStreaming(),
      up.ended.then(({ code, stderr }) => {
        throw new Error(`ferry up ended with ${code}: ${stderr}`);
      }),
    ]);
    return up;
  }

  async status(): Promise<PipelineStatus> {
    return readOnce(await loadPipeline(this.config, this.env));
  }

  async until(
    what: string,
    condition: (status: PipelineStatus) => boolean,
    timeoutMs = 60_000,
  ): Promise<PipelineStatus> {
    let last: PipelineStatus | undefined;
    try {
      return await eventually(
        async () => {
          last = await this.status();
          return condition(last) ? last : undefined;
        },
        { what, timeoutMs },
      );
    } catch (error) {
      throw new Error(`${(error as Error).message}; status: ${JSON.stringify(last)}`, { cause: error });
    }
  }

  /** Every table is copied, all services run, and next to nothing is on its way. */
  untilStreaming(timeoutMs?: number): Promise<PipelineStatus> {
    return this.until(
      'the pipeline to stream',
      ({ phase, lag, services }) =>
        phase === 'streaming' &&
        lag.seconds !== null &&
        lag.seconds < 3 &&
        services.every((service) => service.state === 'running'),
      timeoutMs,
    );
  }

  /** Waits for a service's error. */
  async untilError(service: ServiceStatus['service'], code: string): Promise<NonNullable<ServiceStatus['error']>> {
    const found = ({ services }: PipelineStatus) =>
      services.find((one) => one.service === service && one.error?.code === code);
    return found(await this.until(`${service} to say ${code}`, (status) => found(status) !== undefined))!.error!;
  }

  /** Changes rows of every kind, in one transaction on the source. */
  async change(client: Client = this.source): Promise<void> {
    await client.query(`BEGIN;
INSERT INTO public.users (name) VALUES ('new');
INSERT INTO public.orders (user_id, total) SELECT max(id), 1 FROM public.users;
UPDATE public.orders SET total = total + 1 WHERE id % 7 = 0;
DELETE FROM public.orders WHERE id = (SELECT min(id) FROM public.orders);
UPDATE public.settings SET value = '{"changed": true}' WHERE key = 'setting 1';
COMMIT`);
  }

  /** Compares all rows by `ferry verify`. */
  async expectEqual(): Promise<void> {
    const result = await this.run('verify', '--json');
    expect(result.json<VerifyReport>(), result.stderr).toMatchObject({ ok: true });
    expect(result.code).toBe(0);
  }

  /** Pid of one of the services that `ferry up` runs. */
  async pidOf(service: ServiceStatus['service']): Promise<number> {
    return eventually(
      async () => (await processesWith(this.config)).find(({ args }) => args.includes(` ${service} -c `))?.pid,
      { what: `the process of ${service}` },
    );
  }

  /** Ends what was started, as operators do, and removes everything. */
  async close(): Promise<void> {
    const ended = await Promise.allSettled(this.#started.map((started) => started.stop()));
    for (const result of ended) {
      if (result.status === 'fulfilled') this.said.push(result.value.stdout, result.value.stderr);
    }
    await this.#disconnect();
    await this.databases.source.drop();
    await this.databases.target.drop();
    await rm(this.directory, { recursive: true, force: true });
  }

  async #disconnect(): Promise<void> {
    await this.source?.end().catch(() => {});
    await this.target?.end().catch(() => {});
  }
}
