import { FerryError } from '../../../../core/errors.js';
import { JUST_DIED_MS, lockCoordinator } from '../../cutover/lock.js';
import type { RolloutFinding } from '../gates.js';
import type { Rollout } from '../rollout.js';
import { lookForReaders, type RolloutLimits, RolloutRefused, type RolloutSides, readOpenRollout } from '../step.js';
import type { Abandoned } from './abandoned.js';
import { type UsersFinding, usersFindings } from './gates.js';
import type { LostRows } from './lost-rows.js';
import { type ArmedSides, enterUsers, leaveUsers } from './mode.js';
import { moveUsers, percentStep } from './move-users.js';
import type { UserSides } from './sides.js';
import { readTwoWay } from './two-way-state.js';
import { leaveWithoutWayBack } from './without-way-back.js';

export interface UsersWanted extends RolloutLimits {
  readonly mode: 'reads' | 'users';
  readonly percent: number | undefined;
  /** How old a router's knowledge of the rollout may be. */
  readonly routersWithinMs: number;
  /** Of the mode reads: what the mode users is left without. */
  readonly abandoned?: Abandoned | undefined;
}

type Sides = UserSides & Pick<RolloutSides, 'readStatus'>;

/** What was done. */
export interface UsersStep {
  readonly before: Rollout;
  readonly after: Rollout;
  readonly gates: readonly (RolloutFinding | UsersFinding)[];
  /** What has not come back, where the way back was abandoned. */
  readonly lost?: readonly LostRows[];
}

/** A killed command may have left the mode half entered, or half left. */
export async function isHalfUsers(sides: Pick<UserSides, 'target' | 'pipeline'>, { mode }: Rollout): Promise<boolean> {
  return mode === 'reads' && (await readTwoWay(sides.target, sides.pipeline.name)) !== undefined;
}

/**
 * Enters the mode users, moves users in it, or leaves it; whatever a killed command has left is gone on with.
 * @throws RolloutRefused; FerryError `not-ready`. Nothing is changed then, unless the message says that it is.
 */
export async function stepUsers(sides: Sides, wanted: UsersWanted): Promise<UsersStep> {
  await lockCoordinator(sides.target, sides.pipeline.name, JUST_DIED_MS);
  const before = await readOpenRollout(sides.target, sides.pipeline.name);
  return wanted.mode === 'reads' ? leave(armed(sides), before, wanted) : goOn(sides, before, wanted);
}

async function leave(sides: ArmedSides, before: Rollout, { percent, abandoned }: UsersWanted): Promise<UsersStep> {
  if (percent !== undefined && percent > 0) {
    throw new FerryError('not-ready', 'the mode reads begins with nobody in the new project', {
      remedy: 'Leave the mode users first: ferry rollout --mode reads --percent 0.',
    });
  }
  const isEmpty = before.percent === 0 && before.to === null;
  if (!isEmpty && percent === undefined) {
    throw new FerryError('not-ready', `${before.to ?? before.percent} % of the users write in the new project`, {
      remedy: 'Take them back with it: ferry rollout --mode reads --percent 0.',
    });
  }
  const now = () => readOpenRollout(sides.target, sides.pipeline.name);
  if (abandoned?.ways.includes('back')) {
    const lost = await leaveWithoutWayBack(sides, before, abandoned);
    return { before, after: await now(), gates: [], lost };
  }
  const emptied = isEmpty ? before : await moveUsers(sides, { seen: before, percent: 0 });
  await leaveUsers(sides, emptied.mode === 'users' ? emptied : undefined, abandoned);
  return { before, after: await now(), gates: [] };
}

async function goOn(sides: Sides, before: Rollout, wanted: UsersWanted): Promise<UsersStep> {
  const { percent, routersWithinMs } = wanted;
  const isEntering = before.mode === 'reads';
  if (isEntering && before.percent > 0) {
    throw new FerryError('not-ready', `${before.percent} % of the users read from the new project`, {
      remedy: 'The mode users begins with nobody there: ferry rollout --percent 0.',
    });
  }
  const isUp = percent !== undefined && percentStep(before, percent) === 'begin' && percent > before.percent;
  const gates = isEntering || isUp ? await look(sides, wanted) : [];
  if (gates.some(({ isOpen }) => !isOpen)) throw new RolloutRefused(percent ?? 0, gates);
  const entered = isEntering ? await enterUsers(armed(sides), { seen: before, routersWithinMs }) : before;
  const after = percent === undefined ? entered : await moveUsers(armed(sides), { seen: entered, percent });
  return { before, after, gates };
}

async function look(sides: Sides, wanted: UsersWanted): Promise<UsersStep['gates']> {
  const far = await readTwoWay(sides.target, sides.pipeline.name);
  return [...(await lookForReaders(sides, wanted)), ...(await usersFindings(sides, far))];
}

/** @throws FerryError `not-ready` without a way back. */
function armed(sides: Sides): ArmedSides {
  const { back } = sides;
  if (back) return { ...sides, back };
  throw new FerryError('not-ready', `the pipeline ${sides.pipeline.name} has no way back`, {
    remedy: '`ferry way-back` writes its pipeline, `ferry up` runs it.',
  });
}
