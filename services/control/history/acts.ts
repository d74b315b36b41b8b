import { hostname } from 'node:os';
import type { ClientBase } from 'pg';
import { otherWay } from '../../../core/way-back.js';
import { PAUSE_BEGAN } from '../cutover/journal.js';

/** What somebody did to a pipeline by a command. */
export interface Act {
  /** The command, such as `table pause`. */
  readonly act: string;
  /** What it was done to, where the command names something. */
  readonly subject?: string;
  readonly detail?: object;
}

export interface PastAct {
  readonly at: string;
  readonly act: string;
  readonly subject: string | null;
  readonly by: string;
  readonly detail: Readonly<Record<string, unknown>>;
}

export async function insertAct(target: ClientBase, pipeline: string, { act, subject, detail }: Act): Promise<void> {
  await target.query(
    `INSERT INTO ferry.act (pipeline, act, subject, detail, done_by)
     VALUES ($1, $2, $3, $4, session_user::text || ' on ' || $5::text)`,
    [pipeline, act, subject ?? null, JSON.stringify(detail ?? {}), hostname()],
  );
}

/** Acts, and cutovers and rollbacks with how they ended, the newest first; of the way back what `ferry finish` has kept. */
export async function readActs(target: ClientBase, pipeline: string, limit: number): Promise<PastAct[]> {
  const { rows } = await target.query<Record<'at' | 'act' | 'by' | 'detail', string> & { subject: string | null }>(
    `SELECT at, act, subject, by, detail FROM (
       SELECT done_at AS at, CASE pipeline WHEN $1 THEN act ELSE 'way back: ' || act END AS act, subject, done_by AS by, detail, id
         FROM ferry.act WHERE pipeline IN ($1, $3)
       UNION ALL
       SELECT r.started_at, CASE r.direction WHEN 'back' THEN 'rollback' ELSE 'cutover' END, r.state, r.started_by,
              pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object(
                'forced', nullif(r.settings -> 'forced', '{}'::jsonb),
                'seconds', round(extract(epoch FROM r.finished_at - r.started_at), 1),
                'pauseMs', round(extract(epoch FROM r.finished_at - ${PAUSE_BEGAN}) * 1000),
                'failed', (SELECT s.detail ->> 'detail' FROM ferry.cutover_step s
                            WHERE s.run = r.run AND s.state = 'failed' ORDER BY s.id DESC LIMIT 1))), 0
         FROM ferry.cutover_run r WHERE r.pipeline = $1
     ) past ORDER BY at DESC, id DESC LIMIT $2`,
    [pipeline, limit, otherWay(pipeline)],
  );
  return rows.map((row) => ({ ...row, detail: JSON.parse(row.detail) as Record<string, unknown> }));
}
