import { isDeepStrictEqual } from 'node:util';
import type pg from 'pg';
import { FerryError, toFerryError } from '../../../core/errors.js';
import { routeName } from '../../../core/mapping.js';
import { sourceObjectName } from '../../../core/topics.js';
import { inTransactionBesideApply } from '../../../platform/apply-fence.js';
import { ensureControlSchema } from '../../../platform/control-schema.js';
import { ruleKitOf } from '../../../platform/rule-kit.js';
import { Journal } from '../cutover/journal.js';
import { JUST_DIED_MS, lockCoordinator } from '../cutover/lock.js';
import { refuseReturned } from '../cutover/returned.js';
import { refuseRolledOut } from '../rollout/rollout.js';
import { countDeadLetters } from '../status/count-dead-letters.js';
import { takeMapping } from '../tables/take-mapping.js';
import { appliedProbe } from '../verify/applied-probe.js';
import type { VerifyReport } from '../verify/report.js';
import { verifyTables } from '../verify/verify-tables.js';
import { refuseBeyond } from './from.js';
import {
  beginReplay,
  finishReplay,
  type ReplayRun,
  type ReplayScope,
  readOpenReplay,
  replayHasRebuilt,
} from './journal.js';
import { beginVersion, settleVersion, type VersionSides } from './new-version.js';
import type { ReplayOptions, ReplayReport } from './options.js';
import { domainEnds, waitUntilCaughtUp, waitUntilReplayed, waitUntilTransformed } from './progress.js';
import { refuseOtherVersion } from './refuse-version.js';
import { refuseServing, resetTables, resetTarget, takeVersion } from './reset.js';
import { resumeHalted } from './resume-halted.js';
import { copyPastChanges, refuseOtherColumns, refuseOthersRows, refuseSameDatabase } from './second-target.js';
import { whileWorking } from './while-working.js';

/**
 * Rebuilds a target from the log, or goes on with that where a replay has died. What was begun stands in the target,
 * written with what cannot be done twice.
 * @throws FerryError `not-ready` when another replay or a cutover has the target, when it serves, or when nothing moves.
 */
export async function replay(options: ReplayOptions): Promise<ReplayReport> {
  const { second, pipeline } = options;
  const opened: pg.Client[] = [];
  const open = async (connect: () => Promise<pg.Client>) => {
    const client = await connect();
    opened.push(client);
    return client;
  };
  try {
    const target = await open(options.connectTarget);
    const source = await whereReachable(() => open(options.connectSource));
    const live = second && (await open(second.connectLive));
    if (live) await refuseSameDatabase(target, { source, target: live });
    // Two that make a version of the mapping would write to the same topics, whatever their targets.
    for (const coordinated of live && options.version ? [live, target] : [target]) {
      await ensureControlSchema(coordinated);
      await lockCoordinator(coordinated, pipeline.name, JUST_DIED_MS);
      await refuseOpenCutover(coordinated, pipeline.name);
    }
    return await run(options, { target, source, live });
  } finally {
    for (const client of opened) await client.end().catch(() => {});
  }
}

async function run(options: ReplayOptions, sides: VersionSides): Promise<ReplayReport> {
  const { target, source } = sides;
  const { pipeline, second, version, tables, log, signal } = options;
  const scope = scopeOf(options);
  const found = options.restart ? undefined : await readOpenReplay(target, pipeline.name);
  if (found) refuseOther(found, scope);
  if (!found) await begin(options, sides, scope);
  const replaying = (await readOpenReplay(target, pipeline.name))!;
  await options.onBegin(replaying, found !== undefined);
  if (found) await second?.migrate();
  if (second) await resumeHalted(target, pipeline);
  else if (version) await takeMapping(log, pipeline, ['apply', 'transform', 'control', 'capture']);
  await options.services.start(source !== undefined);
  const beside = second ? [second.apply, ...(version ? [version.fill] : [])] : [];
  return whileWorking(beside, signal, async (working) => {
    const onStill = () => options.services.startGone(source !== undefined);
    const wait = { signal: working, onStill, onProgress: options.onProgress };
    const { ends } = replaying;
    if (scope.tables) await waitUntilCaughtUp(target, pipeline, { ends, tables }, wait);
    else await waitUntilReplayed(target, pipeline.name, ends, wait);
    await replayHasRebuilt(target, replaying);
    return conclude({ ...options, signal: working }, target, { replaying, hasGoneOn: found !== undefined });
  });
}

function scopeOf({ pipeline, second, version, tables, from }: ReplayOptions): ReplayScope {
  const isBeside = second !== undefined;
  if (version) return { kind: 'mapping', isBeside, version: pipeline.mappingVersion };
  if (from) return { kind: 'from', isBeside };
  if (tables.length === pipeline.tables.length) return { kind: 'whole', isBeside };
  return { kind: 'tables', isBeside, tables: tables.map(routeName).sort() };
}

/** @throws FerryError `not-ready`: what is open did something else to the target. */
function refuseOther({ scope, startedAt }: ReplayRun, wanted: ReplayScope): void {
  if (isDeepStrictEqual(scope, wanted)) return;
  throw new FerryError('not-ready', `${describe(scope)}, begun at ${startedAt}, has not finished`, {
    remedy: 'Run it again as it was: it goes on. Or give it up: --restart.',
  });
}

function describe({ kind, version, tables }: ReplayScope): string {
  if (tables) return `a replay of ${tables.join(', ')}`;
  if (kind === 'mapping') return `a replay to version ${version} of the mapping`;
  return kind === 'from' ? 'a replay with --from' : 'a replay of all tables';
}

async function begin(options: ReplayOptions, sides: VersionSides, scope: ReplayScope): Promise<void> {
  const { pipeline, second, version, from, tables } = options;
  const { target, source, live } = sides;
  await refuseServing(target, pipeline);
  await refuseReturned(live ?? target, pipeline);
  // Asked again as it is emptied: users may be led there meanwhile.
  if (!live && !from) await refuseRolledOut(target, pipeline.name);
  await second?.migrate();
  if (version) return beginVersion(options, version, sides, scope);
  await refuseOtherVersion(options.log, live ?? target, pipeline);
  if (from) {
    await refuseBeyond(target, pipeline.name, from);
  } else {
    if (live) await refuseOtherColumns(live, target, pipeline);
    if (live) await refuseOthersRows(target, pipeline);
    await options.confirm();
  }
  await options.services.start(source !== undefined);
  const onStill = () => options.services.startGone(source !== undefined);
  if (!source) await waitUntilTransformed(options.log, pipeline, { signal: options.signal, onStill });
  const ends = await domainEnds(options.log, pipeline, tables);
  const record = () => beginReplay(target, pipeline.name, { scope, ends });
  if (from) return inTransactionBesideApply(target, record);
  if (scope.tables) return resetTables(target, pipeline, { mappings: tables, record });
  await resetTarget(target, pipeline, async () => {
    if (live) await copyPastChanges(live, target, pipeline);
    if (live) await takeVersion(target, pipeline);
    await record();
  });
}

async function conclude(
  options: ReplayOptions,
  target: pg.Client,
  { replaying, hasGoneOn }: { readonly replaying: ReplayRun; readonly hasGoneOn: boolean },
): Promise<ReplayReport> {
  const { pipeline, tables } = options;
  const report = await verify(options, target);
  const deadLetters = await countDeadLetters(target, pipeline.name, tables);
  const ok = (report?.ok ?? false) && deadLetters === 0;
  if (ok) await options.version?.write();
  if (ok && !replaying.scope.tables) await settleVersion(options.log, pipeline, replaying.scope);
  if (report) await finishReplay(target, replaying, ok ? 'equal' : 'different');
  const records = replaying.ends.reduce((sum, { end }) => sum + end, 0);
  const verified = report !== undefined;
  return { ok, resumed: hasGoneOn, verified, records, tables: report?.tables ?? [], deadLetters };
}

/** @returns undefined where the source cannot be reached. */
async function verify(options: ReplayOptions, target: pg.Client): Promise<VerifyReport | undefined> {
  const { pipeline, tables, signal } = options;
  const source = await whereReachable(options.connectSource);
  if (!source) return undefined;
  await source.end();
  return verifyTables({
    tables,
    kit: await ruleKitOf(pipeline),
    publication: sourceObjectName(pipeline.name),
    connectSource: options.connectSource,
    connectTarget: options.connectTarget,
    applied: appliedProbe(target, {
      pipeline: pipeline.name,
      mappingVersion: pipeline.mappingVersion,
      tables,
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

async function refuseOpenCutover(target: pg.Client, pipeline: string): Promise<void> {
  if (!(await Journal.open(target, pipeline))) return;
  throw new FerryError('not-ready', 'a cutover has not ended', {
    remedy: '`ferry cutover --resume` goes on with it, `ferry cutover --abort` undoes it.',
  });
}
