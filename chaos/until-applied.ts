import type { Client } from 'pg';
import { formatLsn, LSN_ZERO, type Lsn, maxLsn } from '../core/lsn.js';
import { appliedInAll } from '../test/support/applied.js';
import { whileItMoves } from './while-it-moves.js';
import type { World } from './world.js';

/** @throws Error that says how far it came. */
export async function untilApplied(world: World, target: Client, end: Lsn): Promise<void> {
  await whileItMoves(
    async () => {
      const at = await appliedInAll(world.config, target);
      return at === undefined ? undefined : { at, isDone: at > end };
    },
    async (at) =>
      new Error(`the target stands at ${formatLsn(maxLsn(at as Lsn, LSN_ZERO))}, the source at ${formatLsn(end)}`),
  );
}
