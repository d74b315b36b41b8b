import type { ClientBase } from 'pg';
import { MESSAGE } from '../../../core/record.js';
import { formatTurn, otherWay, type Turn, type TurnOrder } from '../../../core/way-back.js';
import { beneathFence, type FenceOwner, type StandingFence } from './fence-function.js';

/** Both sides of a move: `source` is the one that serves when it begins. */
export interface TurnSides {
  readonly source: ClientBase;
  readonly target: ClientBase;
}

/**
 * Says in both sides' WAL which direction carries changes from there on: `away` ends the one that has drained, and begins
 * the other one; `back` takes that back. Said again, it stays so. Everything that the source's writers have committed
 * stands before it, and nothing of theirs comes behind it while its fence stands: so it is said only under the fence.
 * @param when what must stand on the source; nobody changes that meanwhile.
 * @returns whether it stood, and the turn was said.
 */
export async function sayTurn(
  { source, target }: TurnSides,
  owner: FenceOwner,
  { to, when }: { readonly to: 'away' | 'back'; readonly when: (standing: StandingFence | undefined) => boolean },
): Promise<boolean> {
  const [ours, theirs]: [Turn, Turn] = to === 'away' ? ['closed', 'open'] : ['open', 'closed'];
  return beneathFence(source, owner.pipeline, async (standing) => {
    if (!when(standing)) return false;
    await emitTurn(target, { pipeline: otherWay(owner.pipeline), turn: theirs, run: owner.run });
    await emitTurn(source, { pipeline: owner.pipeline, turn: ours, run: owner.run });
    return true;
  });
}

/** Puts a turn into the WAL of the pipeline's source; it is on the disk when this returns. */
export async function emitTurn(client: ClientBase, order: TurnOrder): Promise<void> {
  await client.query("SET synchronous_commit = 'on'");
  await client.query('SELECT pg_catalog.pg_logical_emit_message(true, $1, $2)', [MESSAGE.turn, formatTurn(order)]);
}
