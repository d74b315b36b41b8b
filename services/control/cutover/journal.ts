import type { ClientBase } from 'pg';

export type StepState = 'started' | 'done' | 'failed' | 'undone';

/** The coordinator's record in the target: what was begun stands there before it acts. */
export class Journal {
  readonly #target: ClientBase;
  readonly #pipeline: string;
  readonly #run: string;

  constructor(target: ClientBase, pipeline: string, run: string) {
    this.#target = target;
    this.#pipeline = pipeline;
    this.#run = run;
  }

  async begin(step: string): Promise<string> {
    const { rows } = await this.#target.query<{ id: string }>(
      "INSERT INTO ferry.cutover_step (pipeline, run, step, state) VALUES ($1, $2, $3, 'started') RETURNING id",
      [this.#pipeline, this.#run, step],
    );
    return rows[0]!.id;
  }

  async end(id: string, state: StepState, detail: Record<string, unknown> = {}): Promise<void> {
    await this.#target.query(
      'UPDATE ferry.cutover_step SET state = $2, finished_at = clock_timestamp(), detail = $3::jsonb WHERE id = $1::bigint',
      [id, state, JSON.stringify(detail)],
    );
  }

  async state(state: string): Promise<void> {
    await this.#target.query(
      `INSERT INTO ferry.cutover (pipeline, state) VALUES ($1, $2)
       ON CONFLICT (pipeline) DO UPDATE SET state = EXCLUDED.state, changed_at = clock_timestamp(), changed_by = session_user`,
      [this.#pipeline, state],
    );
  }

  /** The flip: from its commit on the target serves. Waits for the disk, and with it for all that apply had written. */
  async serveTarget(): Promise<void> {
    await this.#target.query('BEGIN');
    await this.#target.query("SET LOCAL synchronous_commit = 'on'");
    await this.#target.query(
      `INSERT INTO ferry.cutover (pipeline, serving, state) VALUES ($1, 'target', 'cut-over')
       ON CONFLICT (pipeline) DO UPDATE SET serving = 'target', state = 'cut-over',
         changed_at = clock_timestamp(), changed_by = session_user`,
      [this.#pipeline],
    );
    await this.#target.query("SELECT pg_catalog.pg_notify('ferry_cutover', $1)", [this.#pipeline]);
    await this.#target.query('COMMIT');
  }
}

export async function readServing(target: ClientBase, pipeline: string): Promise<'source' | 'target'> {
  const { rows } = await target.query<{ serving: 'source' | 'target' }>(
    'SELECT serving FROM ferry.cutover WHERE pipeline = $1',
    [pipeline],
  );
  return rows[0]?.serving ?? 'source';
}
