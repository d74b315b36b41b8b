import type { ClientBase } from 'pg';
import { FerryError } from '../../../core/errors.js';
import { insertAct } from '../history/acts.js';

/** The share of users whose reads go to the target while the source serves. */
export interface Rollout {
  readonly serving: 'source' | 'target';
  readonly percent: number;
  readonly mode: string;
}

export async function readRollout(target: ClientBase, pipeline: string): Promise<Rollout> {
  const { rows } = await target.query<RolloutRow>(SELECT, [pipeline]);
  return rolloutOf(rows[0]);
}

/**
 * Sets the percent, tells all who listen, and writes it into the history, in one transaction.
 * @param seen what the caller decided by.
 * @throws FerryError `not-ready` when somebody has changed that meanwhile, or a flip has.
 */
export async function setRollout(
  target: ClientBase,
  { pipeline, seen, percent }: { readonly pipeline: string; readonly seen: Rollout; readonly percent: number },
): Promise<Rollout> {
  // A flip holds the row until it has ended one way or the other.
  await target.query("BEGIN; SET LOCAL lock_timeout = '10s'");
  try {
    await target.query('INSERT INTO ferry.cutover (pipeline) VALUES ($1) ON CONFLICT DO NOTHING', [pipeline]);
    const { rows } = await target.query<RolloutRow>(`${SELECT} FOR UPDATE`, [pipeline]);
    const now = rolloutOf(rows[0]);
    if (now.serving !== seen.serving || now.percent !== seen.percent) throw changedMeanwhile(now);
    await target.query(
      `UPDATE ferry.cutover SET rollout_percent = $2, changed_at = clock_timestamp(), changed_by = session_user
        WHERE pipeline = $1`,
      [pipeline, percent],
    );
    await insertAct(target, pipeline, { act: 'rollout', detail: { from: now.percent, to: percent } });
    await target.query("SELECT pg_catalog.pg_notify('ferry_cutover', $1)", [pipeline]);
    await target.query('COMMIT');
    return { ...now, percent };
  } catch (error) {
    await target.query('ROLLBACK').catch(() => {});
    throw error;
  }
}

/** @throws FerryError `not-ready` while users read from the target, which is about to be emptied. */
export async function refuseRolledOut(target: ClientBase, pipeline: string): Promise<void> {
  const { percent } = await readRollout(target, pipeline);
  if (percent === 0) return;
  throw new FerryError('not-ready', `${percent} % of the users read from the new project: they would find it empty`, {
    remedy: 'Take them back first: ferry rollout --percent 0.',
  });
}

interface RolloutRow {
  readonly serving: 'source' | 'target';
  readonly rollout_percent: string;
  readonly rollout_mode: string;
}

const SELECT = 'SELECT serving, rollout_percent, rollout_mode FROM ferry.cutover WHERE pipeline = $1';

function rolloutOf(row: RolloutRow | undefined): Rollout {
  if (!row) return { serving: 'source', percent: 0, mode: 'reads' };
  return { serving: row.serving, percent: Number(row.rollout_percent), mode: row.rollout_mode };
}

function changedMeanwhile({ serving, percent }: Rollout): FerryError {
  return new FerryError('not-ready', `the rollout was changed meanwhile: the ${serving} serves, ${percent} %`, {
    remedy: 'Look at it with `ferry rollout`, then decide again.',
  });
}
