import type pg from 'pg';
import type { ClientBase } from 'pg';
import { otherWay } from '../../core/way-back.js';
import { ensureControlSchema } from '../../platform/control-schema.js';
import { openLog } from '../../platform/event-log/open.js';
import { type LoadedPipeline, loadWayBack } from '../../platform/load-pipeline.js';
import { silentLogger } from '../../platform/logger.js';
import { connect, endSession, type Side } from '../../platform/postgres.js';
import { readCoordinator } from '../../services/control/cutover/lock.js';
import type { Rollout } from '../../services/control/rollout/rollout.js';
import { stepUsers, type UsersStep, type UsersWanted } from '../../services/control/rollout/users/step-users.js';
import { countConflicts } from '../../services/control/rollout/users/two-way-state.js';
import type { RolloutFlags } from '../rollout.js';
import { readOnce } from '../status.js';

/** What is to be said of the mode users, beside the rollout. */
export interface UsersRollout {
  readonly conflicts: { readonly old: number; readonly new: number };
  /** A change of the percent that has not ended; who works on it, null where nobody does. */
  readonly moving?: { readonly to: number; readonly by: string | null };
}

/** Runs one command with Ctrl-C as its way out: what is under way is taken back. */
export async function runStepUsers(
  pipeline: LoadedPipeline,
  target: pg.Client,
  {
    mode,
    percent,
    maxLag,
    verifiedWithin,
    routersWithin,
    abandoned,
  }: RolloutFlags & Pick<UsersWanted, 'mode' | 'abandoned'>,
): Promise<UsersStep> {
  const stop = new AbortController();
  const onSignal = () => stop.abort();
  process.once('SIGINT', onSignal);
  process.once('SIGTERM', onSignal);
  const back = await loadWayBack(pipeline);
  await using log = back && (await openLog(back, `ferry-${back.name}-rollout`, silentLogger));
  const open = (side: Side) => connect(side, pipeline[side].url, { applicationName: 'ferry rollout' });
  const source = await open('source');
  try {
    if (back) await ensureControlSchema(source);
    return await stepUsers(
      {
        pipeline,
        back: back && log && { pipeline: back, log },
        source,
        target,
        signal: stop.signal,
        onStep: (step) => void process.stderr.write(`${step}\n`),
        anew: async (work) => {
          await endSession(target);
          return onSessions(open, work);
        },
        readStatus: () => readOnce(pipeline),
      },
      {
        mode,
        percent,
        maxLagSeconds: maxLag / 1_000,
        verifiedWithinMs: verifiedWithin,
        routersWithinMs: routersWithin,
        abandoned,
      },
    );
  } finally {
    await source.end().catch(() => {});
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
  }
}

async function onSessions<T>(
  open: (side: Side) => Promise<pg.Client>,
  work: (sessions: Readonly<Record<Side, pg.Client>>) => Promise<T>,
): Promise<T> {
  const source = await open('source');
  try {
    const target = await open('target');
    return await work({ source, target }).finally(() => endSession(target));
  } finally {
    await endSession(source);
  }
}

/** @returns undefined in any other mode. */
export async function readUsersRollout(
  pipeline: LoadedPipeline,
  target: ClientBase,
  { mode, to }: Rollout,
): Promise<UsersRollout | undefined> {
  if (mode !== 'users') return undefined;
  const source = await connect('source', pipeline.source.url, { applicationName: 'ferry rollout' });
  try {
    const conflicts = {
      old: await countConflicts(source, otherWay(pipeline.name)),
      new: await countConflicts(target, pipeline.name),
    };
    if (to === null) return { conflicts };
    const by = (await readCoordinator(target, pipeline.name)) ?? null;
    return { conflicts, moving: { to, by } };
  } finally {
    await source.end().catch(() => {});
  }
}
