import { isDeepStrictEqual } from 'node:util';
import type { ClientBase } from 'pg';
import { FerryError } from '../../../core/errors.js';
import { insertAct } from '../history/acts.js';
import { readOpenReplay } from '../replay/journal.js';
import { refuseTwoWay } from './users/two-way-state.js';

/** The share of users that the target has while the source serves: their reads, or in the mode `users` all of them. */
export interface Rollout {
  readonly serving: 'source' | 'target';
  readonly percent: number;
  readonly mode: string;
  /** In the mode `users`: what the percent becomes, while users are on the way. */
  readonly to: number | null;
  /** In the mode `users`: how old a router's knowledge of this may be. */
  readonly routersWithinMs: number | null;
}

export async function readRollout(target: ClientBase, pipeline: string): Promise<Rollout> {
  const { rows } = await target.query<RolloutRow>(SELECT, [pipeline]);
  return rolloutOf(rows[0]);
}

/**
 * Changes the rollout, tells all who listen, and writes it into the history, in one transaction.
 * @param seen what the caller decided by.
 * @throws FerryError `not-ready` when somebody has changed that meanwhile, or a flip has, and where more users would come while a replay fills the target.
 */
export async function setRollout(
  target: ClientBase,
  { pipeline, seen, ...change }: { readonly pipeline: string; readonly seen: Rollout } & RolloutChange,
): Promise<Rollout> {
  // A flip holds the row until it has ended one way or the other.
  await target.query("BEGIN; SET LOCAL synchronous_commit = 'on'; SET LOCAL lock_timeout = '10s'");
  try {
    await target.query('INSERT INTO ferry.cutover (pipeline) VALUES ($1) ON CONFLICT DO NOTHING', [pipeline]);
    const { rows } = await target.query<RolloutRow>(`${SELECT} FOR UPDATE`, [pipeline]);
    const now = rolloutOf(rows[0]);
    if (!isDeepStrictEqual(now, seen)) throw changedMeanwhile(now);
    const after = { ...now, ...change };
    if ((after.to ?? after.percent) > now.percent) await refuseReplayed(target, pipeline);
    await target.query(
      `UPDATE ferry.cutover SET rollout_percent = $2, rollout_mode = $3, rollout_to = $4, routers_within_ms = $5,
              changed_at = clock_timestamp(), changed_by = session_user WHERE pipeline = $1`,
      [pipeline, after.percent, after.mode, after.to, after.routersWithinMs],
    );
    await insertAct(target, pipeline, { act: 'rollout', detail: detailOf(now, after) });
    await target.query("SELECT pg_catalog.pg_notify('ferry_cutover', $1)", [pipeline]);
    await target.query('COMMIT');
    return after;
  } catch (error) {
    await target.query('ROLLBACK').catch(() => {});
    throw error;
  }
}

/** One that has begun under the same lock since the gates were looked at. */
async function refuseReplayed(target: ClientBase, pipeline: string): Promise<void> {
  if (!(await readOpenReplay(target, pipeline))) return;
  throw new FerryError('not-ready', 'a replay fills the new project anew: users would find it empty', {
    remedy: 'Wait until it has ended, `ferry status` shows it; then decide again.',
  });
}

/** What may be changed of it. */
export type RolloutChange = Partial<Pick<Rollout, 'percent' | 'mode' | 'to' | 'routersWithinMs'>>;

/** For the history. */
function detailOf(before: Rollout, after: Rollout): object {
  return {
    from: before.percent,
    to: after.to ?? after.percent,
    ...(after.mode === 'reads' && before.mode === 'reads' ? {} : { mode: after.mode }),
    ...(after.to === null ? {} : { moving: true }),
  };
}

/** @throws FerryError `not-ready` while users read from the target, which is about to be emptied. */
export async function refuseRolledOut(target: ClientBase, pipeline: string): Promise<void> {
  await refuseTwoWay(target, pipeline);
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
  readonly rollout_to: string | null;
  readonly routers_within_ms: string | null;
}

const SELECT =
  'SELECT serving, rollout_percent, rollout_mode, rollout_to, routers_within_ms FROM ferry.cutover WHERE pipeline = $1';

function rolloutOf(row: RolloutRow | undefined): Rollout {
  if (!row) return { serving: 'source', percent: 0, mode: 'reads', to: null, routersWithinMs: null };
  return {
    serving: row.serving,
    percent: Number(row.rollout_percent),
    mode: row.rollout_mode,
    to: numberOf(row.rollout_to),
    routersWithinMs: numberOf(row.routers_within_ms),
  };
}

const numberOf = (value: string | null) => (value === null ? null : Number(value));

function changedMeanwhile({ serving, percent }: Rollout): FerryError {
  return new FerryError('not-ready', `the rollout was changed meanwhile: the ${serving} serves, ${percent} %`, {
    remedy: 'Look at it with `ferry rollout`, then decide again.',
  });
}
