import type pg from 'pg';
import { FerryError, toFerryError } from '../../../core/errors.js';
import { sourceObjectName } from '../../../core/topics.js';
import { inTransactionBesideApply } from '../../../platform/apply-fence.js';
import { ensureControlSchema } from '../../../platform/control-schema.js';
import type { EventLog } from '../../../platform/event-log/port.js';
import type { LoadedPipeline } from '../../../platform/load-pipeline.js';
import { ruleKitOf } from '../../../platform/rule-kit.js';
import { Journal } from '../cutover/journal.js';
import { lockCoordinator } from '../cutover/lock.js';
import { countDeadLetters } from '../status/count-dead-letters.js';
import { appliedProbe } from '../verify/applied-probe.js';
import type { VerifyReport } from '../verify/report.js';
import { verifyTables } from '../verify/verify-tables.js';
import { refuseBeyond, type StartPlace } from './from.js';
import {
  beginReplay,
  finishReplay,
  type ReplayRun,
  type ReplayScope,
  readOpenReplay,
  replayHasRebuilt,
} from './journal.js';
import { domainEnds, type ReplayProgress, waitUntilReplayed, waitUntilTransformed } from './replay.js';
import { refuseServing, resetTarget } from './reset.js';
import { resumeHalted } from './resume-halted.js';
import { copyPastChanges, refuseOtherColumns, refuseOthersRows, refuseSameDatabase } from './second-target.js';

/** A database beside the live target: nobody applies to it but the replay itself. */
export interface SecondTarget {
  readonly connectLive: () => Promise<pg.Client>;
  /** Brings its schema to where rows can be written; run again it changes nothing. */
  readonly migrate: () => Promise<void>;
  /** Applies the domain topics to it until the signal fires. @throws FerryError when a partition cannot go on. */
  readonly apply: (signal: AbortSignal) => Promise<void>;
}

export interface ReplayOptions {
  /** With the target that is rebuilt. */
  readonly pipeline: LoadedPipeline;
  readonly second: SecondTarget | undefined;
  /** The target is not emptied: it was restored as of no later than this. */
  readonly from: StartPlace | undefined;
  /** Gives up one that has not finished. */
  readonly restart: boolean;
  readonly log: EventLog;
  readonly connectSource: () => Promise<pg.Client>;
  readonly connectTarget: () => Promise<pg.Client>;
  /** Starts what the replay waits for where it does not run. */
  readonly startMissing: (isSourceThere: boolean) => Promise<void>;
  /** Before tables are emptied. @throws to leave all as it is. */
  readonly confirm: () => Promise<void>;
  readonly onBegin: (run: ReplayRun, hasGoneOn: boolean) => Promise<void>;
  readonly onProgress: (progress: ReplayProgress) => void;
  readonly signal: AbortSignal;
}

export interface ReplayReport {
  readonly ok: boolean;
  /** One that had begun before was gone on with. */
  readonly resumed: boolean;
  /** False where the source could not be reached: what the log had is in the target, and nobody has compared it. */
  readonly verified: boolean;
  readonly records: number;
  readonly tables: VerifyReport['tables'];
  readonly deadLetters: number;
}

/** Until a server has noticed that the session of a replay which was killed is gone. */
const JUST_DIED_MS = 2_000;

/**
 * Rebuilds a target from the log, or goes on with that where a replay has died. What was begun stands in the target,
 * written with what cannot be done twice.
 * @throws FerryError `not-ready` when another replay or a cutover has the target, when it serves, or when nothing moves.
 */
export async function replay(options: ReplayOptions): Promise<ReplayReport> {
  const target = await options.connectTarget();
  try {
    await ensureControlSchema(target);
    await lockCoordinator(target, options.pipeline.name, JUST_DIED_MS);
    await refuseOpenCutover(target, options.pipeline.name);
    const source = await whereReachable(options.connectSource);
    try {
      return await run(options, target, source);
    } finally {
      await source?.end().catch(() => {});
    }
  } finally {
    await target.end().catch(() => {});
  }
}

async function run(options: ReplayOptions, target: pg.Client, source: pg.Client | undefined): Promise<ReplayReport> {
  const { pipeline, second, signal } = options;
  const scope: ReplayScope = { kind: options.from ? 'from' : 'whole', isBeside: second !== undefined };
  const found = options.restart ? undefined : await readOpenReplay(target, pipeline.name);
  if (found) refuseOther(found, scope);
  if (!found) await begin(options, { target, source, scope });
  const replaying = (await readOpenReplay(target, pipeline.name))!;
  await options.onBegin(replaying, found !== undefined);
  if (second) {
    await second.migrate();
    await resumeHalted(target, pipeline);
  }
  await options.startMissing(source !== undefined);
  return whileApplying(second, signal, async (applying) => {
    const onStill = () => options.startMissing(source !== undefined);
    const { onProgress } = options;
    await waitUntilReplayed(target, pipeline.name, replaying.ends, { signal: applying, onStill, onProgress });
    await replayHasRebuilt(target, replaying);
    return conclude({ ...options, signal: applying }, target, { replaying, hasGoneOn: found !== undefined });
  });
}

/** @throws FerryError `not-ready`: what is open did something else to the target. */
function refuseOther({ scope, startedAt }: ReplayRun, wanted: ReplayScope): void {
  if (scope.kind === wanted.kind && scope.isBeside === wanted.isBeside) return;
  const what = scope.kind === 'from' ? 'a replay with --from' : 'a replay of all tables';
  throw new FerryError('not-ready', `${what}, begun at ${startedAt}, has not finished`, {
    remedy: 'Run it again as it was: it goes on. Or give it up: --restart.',
  });
}

interface Scene {
  readonly target: pg.Client;
  readonly source: pg.Client | undefined;
  readonly scope: ReplayScope;
}

async function begin(options: ReplayOptions, scene: Scene): Promise<void> {
  const { pipeline, second, from } = options;
  const { target, source, scope } = scene;
  await refuseServing(target, pipeline);
  const live = await second?.connectLive();
  try {
    if (live) await refuseSameDatabase(target, { source, target: live });
    await second?.migrate();
    if (from) {
      await refuseBeyond(target, pipeline.name, from);
    } else {
      if (live) await refuseOtherColumns(live, target, pipeline);
      if (live) await refuseOthersRows(target, pipeline);
      await options.confirm();
    }
    await options.startMissing(source !== undefined);
    const onStill = () => options.startMissing(source !== undefined);
    if (!source) await waitUntilTransformed(options.log, pipeline, { signal: options.signal, onStill });
    const ends = await domainEnds(options.log, pipeline);
    const record = () => beginReplay(target, pipeline.name, { scope, ends });
    if (from) return await inTransactionBesideApply(target, record);
    await resetTarget(target, pipeline, async () => {
      if (live) await copyPastChanges(live, target, pipeline);
      await record();
    });
  } finally {
    await live?.end().catch(() => {});
  }
}

async function conclude(
  options: ReplayOptions,
  target: pg.Client,
  { replaying, hasGoneOn }: { readonly replaying: ReplayRun; readonly hasGoneOn: boolean },
): Promise<ReplayReport> {
  const { pipeline } = options;
  const report = await verify(options, target);
  const deadLetters = await countDeadLetters(target, pipeline.name, pipeline.tables);
  const ok = (report?.ok ?? false) && deadLetters === 0;
  if (report) await finishReplay(target, replaying, ok ? 'equal' : 'different');
  const records = replaying.ends.reduce((sum, { end }) => sum + end, 0);
  const verified = report !== undefined;
  return { ok, resumed: hasGoneOn, verified, records, tables: report?.tables ?? [], deadLetters };
}

/** @returns undefined where the source cannot be reached. */
async function verify(options: ReplayOptions, target: pg.Client): Promise<VerifyReport | undefined> {
  const { pipeline, signal } = options;
  const source = await whereReachable(options.connectSource);
  if (!source) return undefined;
  await source.end();
  return verifyTables({
    tables: pipeline.tables,
    kit: await ruleKitOf(pipeline),
    publication: sourceObjectName(pipeline.name),
    connectSource: options.connectSource,
    connectTarget: options.connectTarget,
    applied: appliedProbe(target, {
      pipeline: pipeline.name,
      tables: pipeline.tables,
      partitions: pipeline.log.partitions,
    }),
    signal,
  });
}

async function whereReachable(connectSource: () => Promise<pg.Client>): Promise<pg.Client | undefined> {
  return connectSource().catch((error: unknown) => {
    if (toFerryError(error).code !== 'source-unreachable') throw error;
    return undefined;
  });
}

/** A second target is applied to as long as anybody looks at it. */
async function whileApplying<T>(
  second: SecondTarget | undefined,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  if (!second) return work(signal);
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  const applying = second.apply(either).catch((error: unknown) => stop.abort(error));
  try {
    return await work(either);
  } finally {
    stop.abort();
    await applying;
  }
}

async function refuseOpenCutover(target: pg.Client, pipeline: string): Promise<void> {
  if (!(await Journal.open(target, pipeline))) return;
  throw new FerryError('not-ready', 'a cutover has not ended', {
    remedy: '`ferry cutover --resume` goes on with it, `ferry cutover --abort` undoes it.',
  });
}
