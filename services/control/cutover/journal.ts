import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { ClientBase } from 'pg';
import { type Direction, SERVES_AFTER, type Serving } from './direction.js';
import type { Settings } from './settings.js';
import type { Entry, EntryState, Step, Undo } from './step.js';

/** One cutover, from its order to its end, whichever processes worked on it. */
export interface Run {
  readonly id: string;
  readonly pipeline: string;
  readonly direction: Direction;
  readonly settings: Settings;
  readonly startedAt: string;
  readonly startedBy: string;
}

/** The coordinator's record in the target: what was begun stands there before it acts, with what takes it back. */
export class Journal {
  readonly #target: ClientBase;
  readonly run: Run;

  private constructor(target: ClientBase, run: Run) {
    this.#target = target;
    this.run = run;
  }

  /** Begins a run; a pipeline has one at the most that has not ended. */
  static async begin(
    target: ClientBase,
    { pipeline, direction, settings }: Pick<Run, 'pipeline' | 'direction' | 'settings'>,
  ): Promise<Journal> {
    await target.query(
      `INSERT INTO ferry.cutover (pipeline, state) VALUES ($1, $2)
       ON CONFLICT (pipeline) DO UPDATE SET state = EXCLUDED.state, changed_at = clock_timestamp(), changed_by = session_user`,
      [pipeline, direction === 'forward' ? 'cutting-over' : 'rolling-back'],
    );
    const { rows } = await target.query<RunRow>(
      `INSERT INTO ferry.cutover_run (run, pipeline, direction, settings, started_by)
       VALUES ($1, $2, $3, $4, session_user::text || $5::text) RETURNING *`,
      [randomUUID(), pipeline, direction, JSON.stringify(settings), ` on ${hostname()}, process ${process.pid}`],
    );
    return new Journal(target, runOf(rows[0]!));
  }

  /** @returns undefined when every run of the pipeline has ended. */
  static async open(target: ClientBase, pipeline: string): Promise<Journal | undefined> {
    const { rows } = await target.query<RunRow>(
      "SELECT * FROM ferry.cutover_run WHERE pipeline = $1 AND state = 'open'",
      [pipeline],
    );
    return rows[0] && new Journal(target, runOf(rows[0]));
  }

  /** Who resumes may settle some things anew: the longest pause, gates to pass by force. */
  async settle(settings: Settings): Promise<Journal> {
    const { rows } = await this.#target.query<RunRow>(
      'UPDATE ferry.cutover_run SET settings = $2 WHERE run = $1 RETURNING *',
      [this.run.id, JSON.stringify(settings)],
    );
    return new Journal(this.#target, runOf(rows[0]!));
  }

  /** All lines of the run, the oldest first. */
  async entries(): Promise<Entry[]> {
    const { rows } = await this.#target.query<{ id: string; step: string; state: EntryState; undo: string | null }>(
      'SELECT id, step, state, undo FROM ferry.cutover_step WHERE run = $1 ORDER BY id',
      [this.run.id],
    );
    return rows.map((row) => ({ ...row, undo: row.undo === null ? null : (JSON.parse(row.undo) as Undo) }));
  }

  async started({ name, undo }: Step): Promise<string> {
    const { rows } = await this.#target.query<{ id: string }>(
      `INSERT INTO ferry.cutover_step (pipeline, run, step, state, undo) VALUES ($1, $2, $3, 'started', $4) RETURNING id`,
      [this.run.pipeline, this.run.id, name, undo && JSON.stringify(undo)],
    );
    return rows[0]!.id;
  }

  async ended(id: string, state: Exclude<EntryState, 'started'>, detail: object = {}): Promise<void> {
    await this.#target.query(
      `UPDATE ferry.cutover_step SET state = $2, finished_at = clock_timestamp(), detail = detail || $3::jsonb
        WHERE id = $1::bigint`,
      [id, state, JSON.stringify(detail)],
    );
  }

  /** Nothing of the run is left: the project that served before it serves on. */
  async aborted(): Promise<void> {
    const { pipeline, id } = this.run;
    await this.#target.query(
      `WITH run AS (UPDATE ferry.cutover_run SET state = 'aborted', finished_at = clock_timestamp()
                      WHERE run = $2 AND state = 'open' RETURNING run)
       UPDATE ferry.cutover SET state = CASE serving WHEN 'target' THEN 'cut-over' ELSE 'idle' END, changed_at = clock_timestamp(), changed_by = session_user
        WHERE pipeline = $1 AND EXISTS (SELECT FROM run)`,
      [pipeline, id],
    );
  }

  /**
   * The flip: from its commit on the other project serves, and the run with its last step is done. Waits for the disk, and
   * with it for all that apply had written.
   * @param decided what else is true from its commit on.
   */
  async flip(decided: (target: ClientBase) => Promise<void> = async () => {}): Promise<void> {
    const { pipeline, id, direction } = this.run;
    await this.#target.query("BEGIN; SET LOCAL synchronous_commit = 'on'");
    try {
      await this.#target.query(
        `UPDATE ferry.cutover SET serving = $2, state = $3, rollout_percent = 0,
                changed_at = clock_timestamp(), changed_by = session_user WHERE pipeline = $1`,
        [pipeline, SERVES_AFTER[direction], direction === 'forward' ? 'cut-over' : 'rolled-back'],
      );
      await this.#target.query(
        `WITH step AS (UPDATE ferry.cutover_step SET state = 'done', finished_at = clock_timestamp()
                        WHERE run = $1 AND state = 'started')
         UPDATE ferry.cutover_run SET state = 'done', finished_at = clock_timestamp() WHERE run = $1`,
        [id],
      );
      await decided(this.#target);
      await this.#target.query("SELECT pg_catalog.pg_notify('ferry_cutover', $1)", [pipeline]);
      await this.#target.query('COMMIT');
    } catch (error) {
      await this.#target.query('ROLLBACK').catch(() => {});
      throw error;
    }
  }

  /** Milliseconds since writes are refused, by the target's clock; null where they never were. */
  async pausedMs(): Promise<number | null> {
    const { rows } = await this.#target.query<{ ms: string | null }>(
      `SELECT round(extract(epoch FROM clock_timestamp() - ${PAUSE_BEGAN}) * 1000) AS ms FROM ferry.cutover_run r WHERE run = $1`,
      [this.run.id],
    );
    return rows[0]!.ms === null ? null : Number(rows[0]!.ms);
  }
}

/** SQL: when the write pause of the run `r` began; one that was taken back, before another was begun, is over. */
export const PAUSE_BEGAN = `(SELECT coalesce(min(s.started_at) FILTER (WHERE s.state <> 'undone'), max(s.started_at))
   FROM ferry.cutover_step s WHERE s.run = r.run AND s.step = 'fence')`;

interface RunRow {
  readonly run: string;
  readonly pipeline: string;
  readonly direction: Direction;
  readonly settings: string;
  readonly started_at: string;
  readonly started_by: string;
}

function runOf(row: RunRow): Run {
  return {
    id: row.run,
    pipeline: row.pipeline,
    direction: row.direction,
    settings: JSON.parse(row.settings) as Settings,
    startedAt: row.started_at,
    startedBy: row.started_by,
  };
}

export async function readServing(target: ClientBase, pipeline: string): Promise<Serving> {
  const { rows } = await target.query<{ serving: Serving }>('SELECT serving FROM ferry.cutover WHERE pipeline = $1', [
    pipeline,
  ]);
  return rows[0]?.serving ?? 'source';
}

/** Whether a run has ended, with nothing left of it. */
export async function wasAborted(target: ClientBase, { id }: Pick<Run, 'id'>): Promise<boolean> {
  const { rows } = await target.query("SELECT FROM ferry.cutover_run WHERE run = $1 AND state = 'aborted'", [id]);
  return rows.length > 0;
}

/** Whether `ferry finish` has ended the migration. */
export async function isFinished(target: ClientBase, pipeline: string): Promise<boolean> {
  const { rows } = await target.query("SELECT FROM ferry.cutover WHERE pipeline = $1 AND state = 'finished'", [
    pipeline,
  ]);
  return rows.length > 0;
}

/**
 * The flag, once a flip that may be under way has ended one way or the other: it holds the row until then.
 * @throws the database's error when that takes too long.
 */
export async function readSettledServing(target: ClientBase, pipeline: string): Promise<Serving> {
  await target.query("BEGIN; SET LOCAL lock_timeout = '10s'");
  const { rows } = await target.query<{ serving: Serving }>(
    'SELECT serving FROM ferry.cutover WHERE pipeline = $1 FOR UPDATE',
    [pipeline],
  );
  await target.query('COMMIT');
  return rows[0]?.serving ?? 'source';
}
