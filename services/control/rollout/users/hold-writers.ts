import type { ClientBase } from 'pg';
import type { QualifiedName } from '../../../../core/relation.js';
import { armFence, lockFence } from '../../cutover/fence.js';
import { type FenceOwner, fenceLockKey, replaceFence } from '../../cutover/fence-function.js';
import { readRollout } from '../rollout.js';
import { type ArmedSides, RUN, takenBack } from './mode.js';

/** Writers in flight may take so long; all others are refused meanwhile. */
const WRITERS_WITHIN_MS = 10_000;

/** A project's fence, as a cutover or a rollback would raise it there. */
interface Fence {
  readonly client: ClientBase;
  readonly owner: FenceOwner;
  readonly tables: readonly QualifiedName[];
}

/**
 * Runs work while nobody but apply writes to the mapped tables of either project. It stands by the locks of both sessions: a
 * killed command leaves nobody refused. Behind it the old project takes writes; the new one, too, unless the work has ended well.
 */
export async function whileNobodyWrites(sides: ArmedSides, work: () => Promise<void>): Promise<void> {
  const { pipeline, back, source, target, signal } = sides;
  const fenceOf = (client: ClientBase, { name, tables }: typeof pipeline): Fence => ({
    client,
    owner: { pipeline: name, run: RUN, attempt: RUN },
    tables: tables.map((table) => table.source),
  });
  const [ofOld, ofNew] = [fenceOf(source, pipeline), fenceOf(target, back.pipeline)];
  // The lock ends with this session at the latest, and an armed fence lets everybody pass then.
  const admitOld = () => admit(ofOld).catch(() => {});
  try {
    for (const { client, owner, tables } of [ofNew, ofOld]) {
      await armFence(client, owner, tables, signal);
      await lockFence(client, owner, WRITERS_WITHIN_MS);
    }
    await work();
  } catch (error) {
    await admitOld();
    throw await takenBack(sides, error, async (there) => {
      // Of the work's last step, which ends the mode, the answer alone may be lost.
      const { mode } = await readRollout(there.target, pipeline.name);
      if (mode === 'users') await admit({ ...ofNew, client: there.target });
    });
  }
  await admitOld();
}

async function admit({ client, owner }: Fence): Promise<void> {
  await replaceFence(client, owner, { state: 'open', when: () => true });
  await client.query(`SELECT pg_catalog.pg_advisory_unlock(${fenceLockKey(owner.pipeline)})`);
}
