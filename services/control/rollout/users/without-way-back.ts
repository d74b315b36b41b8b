import { failpoint } from '../../../../platform/failpoint.js';
import { replaceFence } from '../../cutover/fence-function.js';
import { forgetApplied } from '../../cutover/returned.js';
import { deleteLog, dropSlot } from '../../replay/forget-log.js';
import { refuseRunning } from '../../status/refuse-running.js';
import { type Rollout, setRollout } from '../rollout.js';
import { type Abandoned, noteAbandoned } from './abandoned.js';
import { whileNobodyWrites } from './hold-writers.js';
import { type LostRows, readLostRows, recordLostRows } from './lost-rows.js';
import { type ArmedSides, endUsers, RUN } from './mode.js';
import { drain } from './sides.js';

/**
 * Ends the mode where the way back cannot go on: all users are in the old project, what has not come there is put down, and the
 * new project takes no writes. The way back is to be armed anew: what it had captured would come late, over later writes.
 * Killed, the same command goes on.
 * @returns what has not come.
 * @throws FerryError `not-ready` while services of the way back run. Until the flag is set everything is as it was then.
 */
export async function leaveWithoutWayBack(
  sides: ArmedSides,
  seen: Rollout,
  abandoned: Abandoned,
): Promise<readonly LostRows[]> {
  const { pipeline, back, source, target, onStep } = sides;
  await refuseRunning(back.log, back.pipeline.name);
  onStep('nobody writes; puts down the rows of the new project that have not come to the old one');
  if (seen.mode === 'users') await whileNobodyWrites(sides, () => takeUsersBack(sides, seen, abandoned));
  await failpoint('rollout.leave.begun');
  onStep('the old project takes all writes; forgets the way back, whose slot and log go');
  await dropSlot(target, back.pipeline.name);
  await deleteLog(back.log, back.pipeline);
  await forgetApplied(source, back.pipeline.name);
  const lost = await readLostRows(source, back.pipeline.name);
  await noteAbandoned(
    target,
    pipeline.name,
    abandoned,
    Object.fromEntries(lost.map(({ table, rows }) => [table, rows])),
  );
  await endUsers(sides);
  return lost;
}

async function takeUsersBack(sides: ArmedSides, seen: Rollout, abandoned: Abandoned): Promise<void> {
  const { pipeline, back, source, target, signal } = sides;
  // What is only late must not pass for lost. Where it never comes both are put down alike.
  if (!abandoned.ways.includes('forward')) await drain(pipeline, { from: source, to: target, signal });
  await recordLostRows(sides);
  // Who has lost the session has lost the lock that kept writers out.
  await source.query('SELECT');
  signal.throwIfAborted();
  // A router may know of the flag some seconds later.
  const owner = { pipeline: back.pipeline.name, run: RUN, attempt: RUN };
  await replaceFence(target, owner, { state: 'closed', when: () => true });
  await setRollout(target, {
    pipeline: pipeline.name,
    seen,
    percent: 0,
    to: null,
    mode: 'reads',
    routersWithinMs: null,
  });
}
