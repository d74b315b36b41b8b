import { randomBytes } from 'node:crypto';
import { chmod, type FileHandle, mkdir, mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { domainSchemas } from '../../core/mapping.js';
import { REPORT_PREFIX } from '../../core/service-report.js';
import { topicsOf } from '../../core/topics.js';
import { ensureControlSchema } from '../../platform/control-schema.js';
import { openLog } from '../../platform/event-log/open.js';
import { type LoadedPipeline, loadPipeline, loadWayBack } from '../../platform/load-pipeline.js';
import { createLogger, silentLogger } from '../../platform/logger.js';
import { connect, type Side } from '../../platform/postgres.js';
import { Supervisor } from '../../platform/supervisor.js';
import type { Direction } from '../../services/control/cutover/direction.js';
import type { CutoverReport } from '../../services/control/cutover/report.js';
import { runPreflight } from '../../services/control/preflight/run-preflight.js';
import type { PipelineStatus } from '../../services/control/status/pipeline-status.js';
import { readStatus } from '../../services/control/status/read-status.js';
import type { Application } from '../../services/demo/application.js';
import { loadFixture } from '../../services/demo/fixture.js';
import { runCutover } from '../cutover.js';
import { migrateTarget, readTargetMigrations } from '../target-migrations.js';
import { ALL_SERVICES } from '../up.js';
import { refuseOneWay, untilArmed } from './arm-way-back.js';
import { keptEnvironment } from './kept-environment.js';
import { refuseHalted } from './refuse-halted.js';
import { type DemoDatabase, openDatabase, refuseOwnServers } from './servers.js';
import type { DemoView } from './view.js';
import { type WriterEnd, WriterProcess } from './writer-process.js';

export interface DemoOptions {
  /** Of the ready pipeline: its name, its directory, and what writes to it. */
  readonly pipeline: string;
  readonly config: string;
  readonly application: Application;
  readonly rows: number;
  readonly rate: number;
  readonly brokers: string | undefined;
  readonly sourceServer: string | undefined;
  readonly targetServer: string | undefined;
  readonly keep: boolean;
  /** The traffic moves back to the old project in the end. */
  readonly rollBack: boolean;
  readonly signal: AbortSignal;
}

export interface DemoResult {
  readonly snapshot: { readonly rows: number; readonly ms: number; readonly rowsPerSecond: number };
  readonly status: PipelineStatus;
  readonly cutover: CutoverReport;
  readonly rollback: CutoverReport | undefined;
  readonly application: WriterEnd;
}

const POLL_MS = 250;
/** The application goes on for so long where it was moved to, before it is asked what it lost. */
const AFTERWARDS_MS = 3_000;

/** The main job from end to end; whatever it started is stopped when it returns or throws. */
export async function runScenario(options: DemoOptions, view: DemoView): Promise<DemoResult> {
  refuseOwnServers(options);
  if (options.rollBack) refuseOneWay(options);
  const directory = await mkdtemp(join(tmpdir(), 'ferry-demo-'));
  // Run by root, the servers have an account of their own, which must pass through here; what is ours stays closed.
  await chmod(directory, 0o711);
  for (const log of ['log', 'log-back']) await mkdir(join(directory, log), { mode: 0o700 });
  const logFile = join(directory, 'services.log');
  const cleanups: (() => Promise<unknown>)[] = [() => rm(directory, { recursive: true, force: true })];
  try {
    return await new Scenario(options, view, directory, logFile, cleanups).run();
  } catch (error) {
    if (!options.signal.aborted) await view.failed(logFile);
    throw error;
  } finally {
    for (const cleanup of cleanups.reverse()) await cleanup().catch((error: unknown) => view.note(String(error)));
  }
}

class Scenario {
  readonly #options: DemoOptions;
  readonly #view: DemoView;
  readonly #directory: string;
  readonly #logFile: string;
  readonly #cleanups: (() => Promise<unknown>)[];

  constructor(
    options: DemoOptions,
    view: DemoView,
    directory: string,
    logFile: string,
    cleanups: (() => Promise<unknown>)[],
  ) {
    this.#options = options;
    this.#view = view;
    this.#directory = directory;
    this.#logFile = logFile;
    this.#cleanups = cleanups;
  }

  async run(): Promise<DemoResult> {
    const { signal, rows, rate, keep, rollBack } = this.#options;
    const { source, target, env } = await this.#databases();
    const loaded = await loadFixture(this.#options.config, source.url, { rows });
    this.#view.note(`old project: ${loaded.tables} tables, ${loaded.rows} rows`);
    const pipeline = await loadPipeline(this.#options.config, env);
    // Of use to who looks at what is kept, or goes back; more to run for who does not.
    const back = keep || rollBack ? await loadWayBack(pipeline, env) : undefined;
    for (const one of back ? [pipeline, back] : [pipeline]) {
      if (one.log.brokers.length > 0) this.#cleanups.push(() => deleteTopics(one));
    }
    const session = async (side: Side, url: string) => {
      const client = await connect(side, url, { applicationName: 'ferry demo' });
      this.#cleanups.push(() => client.end());
      return client;
    };
    const sessions = { source: await session('source', source.url), target: await session('target', target.url) };
    await ensureControlSchema(sessions.target);
    await migrateTarget(pipeline, 'before');
    const targetMigrations = () => readTargetMigrations(pipeline);
    this.#view.preflight(await runPreflight(pipeline, { ...sessions, targetMigrations }));
    signal.throwIfAborted();

    const output = await open(this.#logFile, 'a', 0o600);
    this.#cleanups.push(() => output.close());
    const writer = new WriterProcess(
      { ...env, APPLICATION: this.#options.pipeline, PIPELINE: pipeline.name, RATE: String(rate) },
      output.fd,
    );
    this.#cleanups.push(() => writer.kill());
    this.#view.note(`an application writes ${rate} transactions a second to the old project`);
    const serve = <T>(config: string, work: () => Promise<T>) => this.#whileServed({ config, env, output }, work);
    return serve(pipeline.directory, () => this.#job({ pipeline, back, env, writer, serve }, sessions));
  }

  /** The services of a pipeline run from here on to the demo's end; one that refuses to run ends the work at once. */
  async #whileServed<T>({ config, env, output }: Services, work: () => Promise<T>): Promise<T> {
    const logger = createLogger('demo');
    const supervisor = new Supervisor({ services: ALL_SERVICES, config, env, logger, stderr: output.fd });
    this.#cleanups.push(() => supervisor.stop());
    const ended = supervisor.ended();
    ended.catch(() => {});
    const job = work();
    return Promise.race([job, ended.then(() => job)]);
  }

  async #databases(): Promise<{ source: DemoDatabase; target: DemoDatabase; env: NodeJS.ProcessEnv }> {
    const { sourceServer, targetServer, brokers, application } = this.#options;
    const { extensions } = application;
    this.#view.note(sourceServer && targetServer ? 'creating two databases' : 'starting two PostgreSQL servers');
    const opening = [
      openDatabase('source', { directory: this.#directory, serverUrl: sourceServer, extensions }),
      openDatabase('target', { directory: this.#directory, serverUrl: targetServer, extensions }),
    ] as const;
    const opened = await Promise.allSettled(opening);
    for (const result of opened) if (result.status === 'fulfilled') this.#cleanups.push(() => result.value.close());
    const [source, target] = await Promise.all(opening);
    const env = {
      ...process.env,
      SOURCE_URL: source.url,
      TARGET_URL: target.url,
      KAFKA_BROKERS: brokers ?? '',
      FERRY_LOG_DIR: join(this.#directory, 'log'),
      // Its own topics, so that demos can share a broker.
      FERRY_PIPELINE: `demo-${randomBytes(4).toString('hex')}`,
    };
    return { source, target, env };
  }

  async #job({ pipeline, back, env, writer, serve }: Moving, { source, target }: Sides): Promise<DemoResult> {
    const { signal, keep, rollBack } = this.#options;
    await using log = await openLog(pipeline, `ferry-${pipeline.name}-demo`, silentLogger);
    // Services wait for brokers that do not answer; nobody waits for them here.
    await log.control.entries(REPORT_PREFIX);
    const read = () => readStatus(pipeline, { log, source, target });
    const snapshot = await this.#untilCopied(read);
    const status = await this.#untilCaughtUp(read);
    const job = async () => {
      if (back) {
        await untilArmed(back, { source, target }, signal);
        this.#view.note('the way back is armed: what the new project takes will come to the old one');
      }
      const cutover = await this.#move('forward', { pipeline, back, writer });
      const rollback = rollBack && !signal.aborted ? await this.#move('back', { pipeline, back, writer }) : undefined;
      if (keep) await this.#keep(env, back !== undefined);
      const application = await writer.stop();
      return { snapshot, status, cutover, rollback, application };
    };
    return back ? serve(back.directory, job) : job();
  }

  async #move(
    direction: Direction,
    { pipeline, back, writer }: Pick<Moving, 'pipeline' | 'back' | 'writer'>,
  ): Promise<CutoverReport> {
    this.#view.moving(direction);
    const report = await runCutover(
      { pipeline, back },
      {
        direction,
        intent: 'begin',
        settings: back ? {} : { forced: { 'way-back': 'the demo ends with the cutover' } },
        onStep: (step) => this.#view.step(step),
        onTable: (table) => this.#view.verified(table),
      },
    );
    const writes = () => (report.serving === 'target' ? writer.line?.writesOnTarget : writer.line?.writesOnSource) ?? 0;
    const before = writes();
    await sleep(AFTERWARDS_MS, undefined, { signal: this.#options.signal }).catch(() => {});
    this.#view.goesOn(report.serving, writes() - before, AFTERWARDS_MS);
    return report;
  }

  async #untilCopied(read: () => Promise<PipelineStatus>): Promise<DemoResult['snapshot']> {
    let startedAt: number | undefined;
    for (;;) {
      this.#options.signal.throwIfAborted();
      const status = await read();
      // The services' start is no part of the copy.
      if (status.services.some(({ service, state }) => service === 'capture' && state === 'running'))
        startedAt ??= performance.now();
      const rows = status.tables.reduce((sum, table) => sum + table.rows, 0);
      const ms = Math.max(1, Math.round(performance.now() - (startedAt ?? performance.now())));
      this.#view.copying(status, ms);
      if (status.phase === 'streaming') return { rows, ms, rowsPerSecond: Math.round((rows / ms) * 1_000) };
      refuseHalted(status);
      await sleep(POLL_MS);
    }
  }

  /** @returns the status once lag is next to nothing, while the application goes on writing. */
  async #untilCaughtUp(read: () => Promise<PipelineStatus>): Promise<PipelineStatus> {
    for (;;) {
      this.#options.signal.throwIfAborted();
      const status = await read();
      this.#view.lag(status);
      if (status.lag.seconds !== null && status.lag.seconds < 0.5) return status;
      refuseHalted(status);
      await sleep(POLL_MS);
    }
  }

  async #keep(env: NodeJS.ProcessEnv, canGoBack: boolean): Promise<void> {
    const { config, sourceServer, targetServer, signal } = this.#options;
    const given = { source: sourceServer !== undefined, target: targetServer !== undefined };
    this.#view.kept({ config, canGoBack }, keptEnvironment(env, given));
    if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  }
}

interface Sides {
  readonly source: pg.Client;
  readonly target: pg.Client;
}

/** What services are started with. */
interface Services {
  readonly config: string;
  readonly env: NodeJS.ProcessEnv;
  /** Their logs. */
  readonly output: FileHandle;
}

/** What is moved, by what runs. */
interface Moving {
  readonly pipeline: LoadedPipeline;
  /** Its way back, where that is to be armed. */
  readonly back: LoadedPipeline | undefined;
  readonly env: NodeJS.ProcessEnv;
  readonly writer: WriterProcess;
  readonly serve: <T>(config: string, work: () => Promise<T>) => Promise<T>;
}

/** Brokers that were given to us are left as they were found. */
async function deleteTopics(pipeline: LoadedPipeline): Promise<void> {
  const { raw, control, deadLetter, domain } = topicsOf(pipeline.name, pipeline.mappingVersion);
  await using log = await openLog(pipeline, `ferry-${pipeline.name}-demo`, silentLogger);
  await log.deleteTopics([raw, ...domainSchemas(pipeline.tables).map(domain), deadLetter, control]);
}
