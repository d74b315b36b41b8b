import type { ClientBase } from 'pg';
import { FerryError } from '../../../core/errors.js';
import type { LoadedPipeline } from '../../../platform/load-pipeline.js';
import { refuseTwoWay } from '../rollout/users/two-way-state.js';
import { readServing } from './journal.js';

/** When all was copied anew last: what was written before is in the topics. */
const COPIED_SQL = "coalesce((SELECT max(done_at) FROM ferry.act WHERE pipeline = $1 AND act = 'resync'), '-infinity')";

/**
 * @throws FerryError `not-ready` after a rollback, until all is copied anew: what the new project took in between is in the
 * old one, and in no topic.
 */
export async function refuseReturned(target: ClientBase, { name }: LoadedPipeline): Promise<void> {
  const { rows } = await target.query<{ at: string }>(
    `SELECT max(finished_at)::text AS at FROM ferry.cutover_run
      WHERE pipeline = $1 AND direction = 'back' AND state = 'done' HAVING max(finished_at) > ${COPIED_SQL}`,
    [name],
  );
  if (!rows[0]) return refuseWritten(target, name);
  throw new FerryError(
    'not-ready',
    `the traffic was rolled back at ${rows[0].at}: the topics do not have what the new project took before`,
    { remedy: '`ferry resync` copies everything anew; one table is copied anew by `ferry table resnapshot`.' },
  );
}

/** As after a rollback: users have written there, since all was copied. */
async function refuseWritten(target: ClientBase, pipeline: string): Promise<void> {
  const { rows } = await target.query<{ at: string }>(
    `SELECT max(done_at)::text AS at FROM ferry.act WHERE pipeline = $1 AND act = 'rollout' AND detail ->> 'mode' = 'users'
     HAVING max(done_at) > ${COPIED_SQL}`,
    [pipeline],
  );
  if (!rows[0]) return;
  throw new FerryError(
    'not-ready',
    `users wrote in both projects until ${rows[0].at} or later: the topics do not have what the new one took`,
    { remedy: '`ferry resync` copies everything anew; one table is copied anew by `ferry table resnapshot`.' },
  );
}

/** Forgets how far a way back has come, so that it begins anew; rows stay as they are. @throws FerryError `not-ready` while writes of the new project come back. */
export async function disarm(
  sides: { readonly source: ClientBase; readonly target: ClientBase },
  way: LoadedPipeline,
): Promise<void> {
  const forward = way.wayBackOf!.name;
  if ((await readServing(sides.source, forward)) === 'target') {
    throw new FerryError('not-ready', `the new project serves: ${way.name} is what brings its changes back`, {
      remedy: 'It is armed anew before a cutover only.',
    });
  }
  // A capture that begins anew takes nothing until a cutover or a rollout says so: users go on writing meanwhile.
  await refuseTwoWay(sides.source, forward);
  await forgetApplied(sides.target, way.name);
}

/** Forgets how far a pipeline has been applied. */
export async function forgetApplied(target: ClientBase, pipeline: string): Promise<void> {
  for (const table of ['checkpoint', 'ledger', 'table_state', 'schema_change', 'dead_letter']) {
    await target.query(`DELETE FROM ferry.${table} WHERE pipeline = $1`, [pipeline]);
  }
}
