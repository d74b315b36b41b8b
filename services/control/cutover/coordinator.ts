import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { FerryError, toFerryError } from '../../../core/errors.js';
import { domainSchemas } from '../../../core/mapping.js';
import { displayName } from '../../../core/relation.js';
import { partitionsOf, sourceObjectName, topicsOf } from '../../../core/topics.js';
import type { EventLog } from '../../../platform/event-log/port.js';
import type { LoadedPipeline } from '../../../platform/load-pipeline.js';
import { runTargetScript } from '../../../platform/target-scripts.js';
import { readLedger } from '../status/read-ledger.js';
import { appliedProbe } from '../verify/applied-probe.js';
import type { TableReport } from '../verify/report.js';
import { verifyTables } from '../verify/verify-tables.js';
import { armFence, liftFence, raiseFence } from './fence.js';
import { waitForGates } from './gates.js';
import { Journal, readServing } from './journal.js';
import { waitUntilDrained, writeMarker } from './marker.js';
import { type CutoverReport, predictPause, type StepReport, tablesForPause, VERIFY_LANES } from './plan.js';
import { planSequences, setSequences } from './sequences.js';
import { Steps } from './steps.js';

export interface CutoverOptions {
  readonly pipeline: LoadedPipeline;
  readonly log: EventLog;
  readonly connectSource: () => Promise<pg.Client>;
  readonly connectTarget: () => Promise<pg.Client>;
  readonly maxPauseMs: number;
  readonly dryRun: boolean;
  readonly signal: AbortSignal;
  readonly onStep: (report: StepReport) => void;
  /** Each table as it has been verified before the fence. */
  readonly onTable?: (report: TableReport) => void;
}

/**
 * Moves the traffic: fence, marker, drained, verified, sequences, flag. Anything that fails before the flag lifts the
 * fence, and the old project serves on. A fence that a killed coordinator left behind is lifted first.
 * @throws FerryError `not-ready` with every closed gate, `mismatch`, `cutover-failed`; the fence is lifted then.
 */
export async function cutover(options: CutoverOptions): Promise<CutoverReport> {
  const [source, target] = [await options.connectSource(), await options.connectTarget()];
  try {
    await lockCoordinator(target, options.pipeline.name);
    return await new Cutover(options, source, target).run();
  } finally {
    await Promise.all([source.end().catch(() => {}), target.end().catch(() => {})]);
  }
}

async function lockCoordinator(target: pg.Client, pipeline: string): Promise<void> {
  const { rows } = await target.query<{ locked: string }>(
    "SELECT pg_try_advisory_lock(hashtext('ferry.cutover'), hashtext($1)) AS locked",
    [pipeline],
  );
  if (rows[0]!.locked !== 't') {
    throw new FerryError('not-ready', `another cutover of the pipeline ${pipeline} is running`, {
      remedy: 'Wait until it ends; `ferry status` shows the flag.',
    });
  }
}

class Cutover {
  readonly #options: CutoverOptions;
  readonly #source: pg.Client;
  readonly #target: pg.Client;
  readonly #journal: Journal;
  readonly #runId = randomUUID();
  readonly #steps: Steps;
  #pauseBeganAt: number | undefined;
  #verified: (TableReport & { ms: number })[] = [];
  readonly #fencedReports = new Map<string, TableReport>();
  #lagSeconds: number | null = null;

  constructor(options: CutoverOptions, source: pg.Client, target: pg.Client) {
    this.#options = options;
    this.#source = source;
    this.#target = target;
    this.#journal = new Journal(target, options.pipeline.name, this.#runId);
    this.#steps = new Steps({ journal: options.dryRun ? undefined : this.#journal, onStep: options.onStep });
  }

  async run(): Promise<CutoverReport> {
    const { pipeline, dryRun, maxPauseMs } = this.#options;
    if ((await readServing(this.#target, pipeline.name)) === 'target') {
      throw new FerryError('not-ready', `the pipeline ${pipeline.name} is cut over already: the new project serves`, {
        remedy: 'Nothing to do.',
      });
    }
    if (!dryRun) await liftFence(this.#source, pipeline.name);
    await this.#steps.run('gates', () => this.#gates());
    if (!dryRun) await this.#steps.run('constraints', () => this.#constraints());
    await this.#steps.run('verify', () => this.#verifyBefore());
    const again = tablesForPause(this.#verified, maxPauseMs);
    const verifyMs = this.#verified
      .filter((report) => again.has(report.source))
      .reduce((sum, { ms }) => sum + ms / VERIFY_LANES, 0);
    const predicted = predictPause(this.#lagSeconds, verifyMs);
    if (predicted > maxPauseMs) {
      throw new FerryError('not-ready', `the write pause would be about ${predicted} ms, above ${maxPauseMs} ms`, {
        remedy: 'Wait for less lag, or allow more with --max-pause.',
      });
    }
    if (dryRun) return this.#report(predicted, 'source');
    await this.#steps.run('arm', () =>
      armFence(this.#source, pipeline.name, this.#sourceTables(), this.#options.signal),
    );
    await this.#fenced(again);
    return this.#report(predicted, 'target');
  }

  /** Everything between the fence and the flag, or none of it. */
  async #fenced(again: ReadonlySet<string>): Promise<void> {
    const { pipeline, maxPauseMs, signal } = this.#options;
    await this.#journal.state('cutting-over');
    const pause = AbortSignal.timeout(maxPauseMs);
    const ending = AbortSignal.any([signal, pause]);
    this.#pauseBeganAt = performance.now();
    try {
      await this.#steps.run('fence', () => raiseFence(this.#source, pipeline.name, maxPauseMs / 2));
      const marker = await this.#steps.run('marker', () => writeMarker(this.#source, this.#runId));
      const topics = domainSchemas(pipeline.tables).map(topicsOf(pipeline.name).domain);
      const partitions = partitionsOf(topics, pipeline.log.partitions);
      await this.#steps.run('drained', () => waitUntilDrained(this.#target, pipeline.name, partitions, marker, ending));
      await this.#steps.run('ledger', () => this.#ledger());
      await this.#steps.run('verified', () => this.#verifyFenced(again, ending));
      await this.#steps.run('sequences', () => this.#sequences());
      ending.throwIfAborted();
      await this.#steps.run('flag', () => this.#journal.serveTarget());
    } catch (error) {
      if (await this.#hasFlipped(error)) return;
      await this.#undo();
      if (pause.aborted) {
        throw new FerryError(
          'not-ready',
          `the write pause was used up after ${maxPauseMs} ms; the old project serves`,
          {
            remedy: 'Look at the steps for what took so long, or allow more with --max-pause.',
            cause: error,
          },
        );
      }
      if (signal.aborted) {
        throw new FerryError('not-ready', 'the cutover was interrupted; the old project serves', {
          remedy: 'Run `ferry cutover` again when it suits.',
          cause: error,
        });
      }
      const { code, message, remedy, policy } = toFerryError(error);
      if (policy.exit === 3) throw error;
      throw new FerryError('cutover-failed', message, {
        remedy: code === 'internal' ? undefined : remedy,
        cause: error,
      });
    }
  }

  async #gates(): Promise<string> {
    const { pipeline, log, signal } = this.#options;
    const { lag } = await waitForGates(pipeline, { log, source: this.#source, target: this.#target }, signal);
    this.#lagSeconds = lag.seconds;
    return `lag ${lag.bytes} bytes, ${lag.seconds} s`;
  }

  async #constraints(): Promise<string> {
    return runTargetScript(this.#target, this.#options.pipeline, 'after-copy');
  }

  async #verifyBefore(): Promise<string> {
    const startedAt = new Map<string, number>();
    const ms = new Map<string, number>();
    const report = await verifyTables({
      ...this.#verifyOptions(),
      signal: this.#options.signal,
      onProgress: ({ source, report: done }) => {
        if (!startedAt.has(source)) startedAt.set(source, performance.now());
        if (!done) return;
        ms.set(source, performance.now() - startedAt.get(source)!);
        this.#options.onTable?.(done);
      },
    });
    refuseDifferences(report.tables);
    this.#verified = report.tables.map((table) => ({ ...table, ms: ms.get(table.source) ?? 0 }));
    return `${report.tables.length} tables equal`;
  }

  #sourceTables() {
    return this.#options.pipeline.tables.map((table) => table.source);
  }

  async #ledger(): Promise<string> {
    const { pipeline, log } = this.#options;
    const ledger = await readLedger(pipeline, log, this.#target);
    if (ledger.addsUp && ledger.deadLettered === 0) return 'adds up';
    const wrong = ledger.tables.filter((table) => table.captured !== table.applied).map((table) => table.table);
    throw new FerryError('mismatch', `the ledger does not add up for ${wrong.join(', ')}`, {
      remedy: 'Look at `ferry status --json`, .ledger: it says at which stage rows are missing.',
    });
  }

  async #verifyFenced(again: ReadonlySet<string>, signal: AbortSignal): Promise<string> {
    const options = this.#verifyOptions();
    const tables = options.tables.filter((table) => again.has(displayName(table.source)));
    const report = await verifyTables({ ...options, tables, signal });
    refuseDifferences(report.tables);
    for (const table of report.tables) this.#fencedReports.set(table.source, table);
    return `${tables.length} of ${options.tables.length} tables again, equal`;
  }

  #verifyOptions() {
    const { pipeline, connectSource, connectTarget } = this.#options;
    return {
      tables: pipeline.tables,
      publication: sourceObjectName(pipeline.name),
      connectSource,
      connectTarget,
      applied: appliedProbe(this.#target, {
        pipeline: pipeline.name,
        tables: pipeline.tables,
        partitions: pipeline.log.partitions,
      }),
      parallel: VERIFY_LANES,
    };
  }

  async #sequences(): Promise<string> {
    const settings = await planSequences(this.#source, this.#target, this.#options.pipeline.tables);
    await setSequences(this.#target, settings);
    return `${settings.length} set`;
  }

  /**
   * The flip's commit may have been lost on its way back. Only the flag itself says which project serves, and until
   * it does the fence must stay: two projects that both take writes are worse than a longer pause.
   */
  async #hasFlipped(cause: unknown): Promise<boolean> {
    const { pipeline, connectTarget } = this.#options;
    try {
      const target = await connectTarget();
      const serving = await readServing(target, pipeline.name).finally(() => target.end());
      return serving === 'target';
    } catch {
      throw new FerryError(
        'cutover-failed',
        `the cutover failed, and the flag cannot be read: ${toFerryError(cause).message}`,
        {
          remedy:
            'The source stays fenced. Bring the target back, then run `ferry cutover` again: it lifts the fence first.',
          cause,
        },
      );
    }
  }

  async #undo(): Promise<void> {
    this.#options.onStep({ step: 'undo', state: 'started' });
    // On a session of its own: the coordinator's may be what failed.
    const source = await this.#options.connectSource();
    try {
      await liftFence(source, this.#options.pipeline.name);
      await this.#journal.state('idle').catch(() => {});
      this.#options.onStep({ step: 'undo', state: 'done', detail: 'the fence is lifted, the old project serves' });
    } finally {
      await source.end().catch(() => {});
    }
  }

  #report(predictedPauseMs: number, serving: 'source' | 'target'): CutoverReport {
    const writePauseMs = this.#pauseBeganAt === undefined ? null : Math.round(performance.now() - this.#pauseBeganAt);
    const tables = this.#verified.map(({ ms: _, ...live }) => {
      const fenced = this.#fencedReports.get(live.source);
      return fenced ? { ...fenced, verified: 'fenced' as const } : { ...live, verified: 'live' as const };
    });
    return {
      ok: true,
      dryRun: this.#options.dryRun,
      serving,
      writePauseMs,
      predictedPauseMs,
      steps: this.#steps.reports,
      tables,
    };
  }
}

function refuseDifferences(tables: readonly TableReport[]): void {
  const different = tables.filter((table) => !table.equal);
  if (different.length === 0) return;
  throw new FerryError('mismatch', `source and target differ in ${different.map((table) => table.source).join(', ')}`);
}
