import pRetry from 'p-retry';
import { FerryError } from '../../../../core/errors.js';
import { failpoint } from '../../../../platform/failpoint.js';
import { classifyUnnamed } from '../../../../platform/postgres.js';
import { admitWriters, refuseWriters } from '../../cutover/fence-function.js';
import { BROKEN_MS, lockCoordinator } from '../../cutover/lock.js';
import { emitTurn } from '../../cutover/turn.js';
import { type Rollout, readRollout, setRollout } from '../rollout.js';
import { type Abandoned, noteAbandoned } from './abandoned.js';
import { planFarSequences, setFarSequences } from './far-sequences.js';
import { readSharedTables } from './gates.js';
import { drain, passBothClocks, type UserSides } from './sides.js';
import { refuseStanding } from './standing.js';
import { putUpTombstones, type TombstonePlace, takeDownTombstones } from './tombstones.js';
import { beginTwoWay, endTwoWay } from './two-way-state.js';

/** What turns and fences call it by. */
export const RUN = 'rollout';

export type ArmedSides = UserSides & { readonly back: NonNullable<UserSides['back']> };

/**
 * Lets both directions carry changes. Each step done again does nothing, so that the same command goes on where a killed one
 * has stopped; what fails is taken back. That any of it was done, the row in the new project says: it comes first, and goes last.
 */
export async function enterUsers(
  sides: ArmedSides,
  { seen, routersWithinMs }: { readonly seen: Rollout; readonly routersWithinMs: number },
): Promise<Rollout> {
  const { pipeline, back, source, target, signal, onStep } = sides;
  try {
    onStep('puts up what both directions need: numbers of its own for the new project, traces of deleted rows');
    const tables = await readSharedTables(sides);
    const { far } = await planFarSequences(source, target, pipeline.tables);
    await setFarSequences(target, far);
    await beginTwoWay(target, pipeline, far);
    await putUpTombstones(placeOf(sides, 'source'), tables.source);
    await putUpTombstones(placeOf(sides, 'target'), tables.target);
    await failpoint('rollout.enter.armed');
    await beginTwoWay(source, back.pipeline);
    await failpoint('rollout.enter.begun');
    onStep('opens both directions');
    // Nobody's write here is later than one there that nobody counts.
    await passBothClocks(sides);
    signal.throwIfAborted();
    // What apply writes there says so by now: from here on all else goes to the old project.
    await emitTurn(target, { pipeline: back.pipeline.name, turn: 'open', run: RUN });
    // The new project may have served before; ahead of the flag, as in a cutover.
    await admitWriters(target, { pipeline: pipeline.name, run: RUN, attempt: RUN });
    return await setRollout(target, { pipeline: pipeline.name, seen, mode: 'users', routersWithinMs });
  } catch (error) {
    throw await takenBack(sides, error, async (there) => {
      // Of the last step the answer alone may be lost.
      const { mode } = await readRollout(there.target, pipeline.name);
      if (mode !== 'users') await endUsers(there);
    });
  }
}

/**
 * Ends that again: all users are in the old project.
 * @param seen undefined where the mode has been left already, and the rest has not been done.
 * @param abandoned the pipeline to the new project may stand still: the old one has all.
 */
export async function leaveUsers(
  sides: ArmedSides,
  seen: Rollout | undefined,
  abandoned: Abandoned | undefined,
): Promise<void> {
  const { pipeline, back, source, target, signal, onStep } = sides;
  try {
    await refuseStanding(source, back.pipeline);
    if (!abandoned) await refuseStanding(target, pipeline);
    if (seen) await setRollout(target, { pipeline: pipeline.name, seen, mode: 'reads', routersWithinMs: null });
    await failpoint('rollout.leave.begun');
    onStep('the old project takes all writes; waits until both directions have brought what was written');
    await shut(sides);
    // What was written on both sides is settled while both still know how.
    await drain(back.pipeline, { from: target, to: source, signal });
    if (abandoned) await noteAbandoned(target, pipeline.name, abandoned);
    else await drain(pipeline, { from: source, to: target, signal });
    onStep('takes down what both directions needed');
    await endUsers(sides);
  } catch (error) {
    throw interrupted(error, signal);
  }
}

/** What is written to the new project from here on stays there; a fence that stood there stands again. */
async function shut({ pipeline, back, target }: ArmedSides): Promise<void> {
  await refuseWriters(target, { pipeline: pipeline.name, run: RUN });
  await emitTurn(target, { pipeline: back.pipeline.name, turn: 'closed', run: RUN });
}

/** Takes down all that the mode has put up; taken down before, it stays so. */
export async function endUsers(sides: ArmedSides): Promise<void> {
  const { pipeline, back, source, target } = sides;
  await shut(sides);
  await takeDownTombstones(placeOf(sides, 'source'));
  await failpoint('rollout.leave.disarmed');
  await takeDownTombstones(placeOf(sides, 'target'));
  await endTwoWay(source, back.pipeline);
  await endTwoWay(target, pipeline);
}

function placeOf(sides: ArmedSides, side: 'source' | 'target'): TombstonePlace {
  const pipeline = side === 'source' ? sides.back.pipeline.name : sides.pipeline.name;
  return { client: sides[side], side, pipeline, signal: sides.signal };
}

/** @returns what is said of a command that Ctrl-C has ended, whatever it was at. */
export function interrupted(error: unknown, signal: AbortSignal): unknown {
  if (!signal.aborted) return error;
  return new FerryError('not-ready', 'the rollout was interrupted', {
    remedy: 'ferry rollout shows how it stands; the same command goes on, or begins again.',
    cause: error,
  });
}

/** A server that restarts is back by then. */
const TRIES = {
  retries: 8,
  minTimeout: 250,
  maxTimeout: 4_000,
  shouldRetry: ({ error }: { readonly error: Error }) => isPassing(error),
};

/**
 * Takes back what a command has begun, on new sessions where its own are lost.
 * @param undo taken back before, all stays so.
 * @returns the error that says why; with what stands in its way where it cannot be taken back.
 */
export async function takenBack(
  sides: ArmedSides,
  error: unknown,
  undo: (sides: ArmedSides) => Promise<unknown>,
): Promise<FerryError> {
  const why = classifyUnnamed(interrupted(error, sides.signal));
  // Ctrl-C ends the way in, not the way out.
  const unstoppable = { ...sides, signal: new AbortController().signal };
  const again = () =>
    sides.anew(async (sessions) => {
      await lockCoordinator(sessions.target, sides.pipeline.name, BROKEN_MS);
      await undo({ ...unstoppable, ...sessions });
    });
  try {
    await undo(unstoppable).catch((cause: unknown) => {
      if (!isPassing(cause)) throw cause;
      return pRetry(again, TRIES);
    });
    return why;
  } catch (cause) {
    const stands = classifyUnnamed(cause).message;
    return new FerryError(why.code, `${why.message}; and it cannot be taken back: ${stands}`, {
      remedy: 'Bring both projects back, then look: ferry rollout says what was left.',
      cause: error,
    });
  }
}

const isPassing = (error: unknown) => classifyUnnamed(error).policy.react === 'retry';
