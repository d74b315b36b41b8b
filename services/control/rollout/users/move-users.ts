import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { FerryError } from '../../../../core/errors.js';
import { failpoint } from '../../../../platform/failpoint.js';
import { type Rollout, readRollout, setRollout } from '../rollout.js';
import { type ArmedSides, takenBack } from './mode.js';
import { waitForOldTransactions } from './old-transactions.js';
import { drain } from './sides.js';

/** A statement is sent so soon after it was routed. */
const SENT_WITHIN_MS = 1_000;
const TRANSACTIONS_WITHIN_MS = 60_000;

/** What a change of the percent does to a rollout as it stands. */
export type PercentStep = 'nothing' | 'begin' | 'go-on' | 'take-back' | 'refused';

/** A change that was left in the middle is gone on with, or taken back, before there is another. */
export function percentStep({ percent, to }: Pick<Rollout, 'percent' | 'to'>, wanted: number): PercentStep {
  if (to === null) return wanted === percent ? 'nothing' : 'begin';
  if (wanted === to) return 'go-on';
  return wanted === percent ? 'take-back' : 'refused';
}

/**
 * Moves the users between two percents from one project to the other: nobody routes them anywhere until all that they have
 * written where they were is where they go. Killed on the way, the same command goes on; what fails is taken back.
 * @param seen in the mode users.
 */
export async function moveUsers(
  sides: ArmedSides,
  { seen, percent }: { readonly seen: Rollout; readonly percent: number },
): Promise<Rollout> {
  const { target } = sides;
  const pipeline = sides.pipeline.name;
  const step = percentStep(seen, percent);
  if (step === 'nothing') return seen;
  // They have not been anywhere else.
  if (step === 'take-back') return setRollout(target, { pipeline, seen, to: null });
  if (step === 'refused') throw inTheMiddle(seen);
  const moving = { ...seen, to: percent };
  try {
    if (step === 'begin') await setRollout(target, { pipeline, seen, to: percent });
    await failpoint('rollout.move.begun');
    await settle(sides, moving);
    await failpoint('rollout.move.settled');
    sides.signal.throwIfAborted();
    return await setRollout(target, { pipeline, seen: moving, percent, to: null });
  } catch (error) {
    throw await takenBack(sides, error, async (there) => {
      const now = await readRollout(there.target, pipeline);
      // What answer was lost: of the beginning, or of the end.
      if (isDeepStrictEqual(now, moving)) await setRollout(there.target, { pipeline, seen: moving, to: null });
    });
  }
}

/** Resolves once the users on the way have written their last where they were, and all of it is where they go. */
async function settle({ pipeline, back, source, target, signal, onStep }: ArmedSides, moving: Rollout): Promise<void> {
  const goOver = moving.to! > moving.percent;
  const way = goOver ? { pipeline, from: source, to: target } : { pipeline: back.pipeline, from: target, to: source };
  const users = `the users between ${moving.percent} % and ${moving.to} % wait`;
  onStep(`${users}: for routers that ask again after ${moving.routersWithinMs} ms, and what they have sent`);
  // Until nobody acts on what the rollout was before: a router asks again by then, and what it has routed has begun.
  await sleep(moving.routersWithinMs! + SENT_WITHIN_MS, undefined, { signal });
  onStep(`${users}: for transactions that were open, and until all of it is applied on the other side`);
  await waitForOldTransactions(way.from, { withinMs: TRANSACTIONS_WITHIN_MS, signal });
  await drain(way.pipeline, { ...way, signal });
}

function inTheMiddle({ percent, to }: Rollout): FerryError {
  return new FerryError(
    'not-ready',
    `a change from ${percent} % to ${to} % was left in the middle: users in between wait`,
    {
      remedy: `Go on with it: ferry rollout --percent ${to}; or take it back: --percent ${percent}.`,
    },
  );
}
