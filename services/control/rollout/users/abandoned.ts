import type { ClientBase } from 'pg';
import type { Direction } from '../../cutover/direction.js';
import { insertAct } from '../../history/acts.js';

/** Directions that cannot go on, and why the mode users is left without them. */
export interface Abandoned {
  readonly ways: readonly Direction[];
  readonly reason: string;
}

/**
 * Writes it into the history, once for each time that the mode is left. The projects need not be equal any more, so what was verified before counts no longer.
 * @param rows by table of the old project, what did not come back.
 */
export async function noteAbandoned(
  target: ClientBase,
  pipeline: string,
  { ways, reason }: Abandoned,
  rows: Readonly<Record<string, number>> = {},
): Promise<void> {
  const { rows: noted } = await target.query(
    `SELECT FROM ferry.act a JOIN ferry.two_way w USING (pipeline)
      WHERE a.pipeline = $1 AND a.act = 'rollout' AND a.subject = 'abandon' AND a.done_at > w.began_at`,
    [pipeline],
  );
  if (noted.length === 0)
    await insertAct(target, pipeline, { act: 'rollout', subject: 'abandon', detail: { ways, reason, rows } });
  await target.query('DELETE FROM ferry.verification WHERE pipeline = $1', [pipeline]);
}
