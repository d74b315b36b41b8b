import { randomUUID } from 'node:crypto';
import type { ClientBase } from 'pg';
import { FerryError } from '../../../core/errors.js';
import type { LoadedPipeline } from '../../../platform/load-pipeline.js';
import { mappingDigest } from '../../../platform/mapping-digest.js';
import {
  formatProgress,
  parseProgress,
  type TableNames,
  type TableProgress,
  type VerificationMemory,
} from './progress.js';
import { recordVerification, type TimedReport } from './record.js';
import { pairName } from './table-times.js';

type RecordedPipeline = Pick<LoadedPipeline, 'name' | 'tables'>;

interface Kept {
  readonly progress: TableProgress;
  /** When its comparison began, if that was before this process. */
  readonly since?: string;
}

/**
 * One verification, as the target keeps it until it has ended. It belongs to the process that has its lock, which goes
 * with the session: what a killed process has left is anybody's.
 */
export class VerificationRun implements VerificationMemory {
  readonly #target: ClientBase;
  readonly #pipeline: RecordedPipeline;
  readonly #run: string;
  readonly #kept: Map<string, Kept>;
  /** Pairs of tables that it compares. */
  readonly pairs: readonly string[];

  private constructor(
    target: ClientBase,
    pipeline: RecordedPipeline,
    of: { readonly run: string; readonly pairs: readonly string[]; readonly kept: Map<string, Kept> },
  ) {
    this.#target = target;
    this.#pipeline = pipeline;
    this.#run = of.run;
    this.#kept = of.kept;
    this.pairs = of.pairs;
  }

  /** Begins a verification of the pairs. What interrupted ones have left is given up. */
  static async begin(
    target: ClientBase,
    pipeline: RecordedPipeline,
    pairs: readonly string[],
  ): Promise<VerificationRun> {
    const { rows } = await target.query<{ run: string }>('SELECT run FROM ferry.verification_run WHERE pipeline = $1', [
      pipeline.name,
    ]);
    for (const { run } of rows) {
      if (!(await tryLock(target, run))) continue;
      await target.query('DELETE FROM ferry.verification_run WHERE run = $1', [run]);
      await unlock(target, run);
    }
    const run = randomUUID();
    await tryLock(target, run);
    await target.query('INSERT INTO ferry.verification_run (run, pipeline, mapping, tables) VALUES ($1, $2, $3, $4)', [
      run,
      pipeline.name,
      mappingDigest(pipeline),
      JSON.stringify(pairs),
    ]);
    return new VerificationRun(target, pipeline, { run, pairs, kept: new Map() });
  }

  /**
   * Goes on with the last verification that was interrupted.
   * @param pairs that it must be of; those that it was begun with when undefined.
   * @throws FerryError `not-ready` when there is none, it still runs, or it was of another mapping or of other tables.
   */
  static async resume(
    target: ClientBase,
    pipeline: RecordedPipeline,
    pairs?: readonly string[],
  ): Promise<VerificationRun> {
    const { rows } = await target.query<{ run: string; mapping: string; tables: string; started_at: string }>(
      'SELECT run, mapping, tables, started_at FROM ferry.verification_run WHERE pipeline = $1 ORDER BY started_at DESC LIMIT 1',
      [pipeline.name],
    );
    const [last] = rows;
    if (!last) throw refused(`no verification of the pipeline ${pipeline.name} was interrupted`);
    const of = `the verification that began at ${last.started_at}`;
    if (last.mapping !== mappingDigest(pipeline)) {
      throw refused(`${of} cannot go on: the mapping, or its list of tables, has changed since`);
    }
    const begun = JSON.parse(last.tables) as string[];
    if (pairs && [...pairs].sort().join('\n') !== [...begun].sort().join('\n')) {
      throw refused(`${of} is of other tables: ${begun.join(', ')}`, 'Leave --table out, or begin anew: ferry verify.');
    }
    if (!(await tryLock(target, last.run))) {
      throw refused(`${of} has not ended: another process goes on with it`, 'Wait until it ends, or end that process.');
    }
    return new VerificationRun(target, pipeline, {
      run: last.run,
      pairs: begun,
      kept: await readKept(target, last.run),
    });
  }

  of(table: TableNames): TableProgress | undefined {
    return this.#kept.get(pairName(table))?.progress;
  }

  async put({ source, target }: TableNames, progress: TableProgress): Promise<void> {
    await this.#target.query(
      `INSERT INTO ferry.verification_progress (run, source_table, target_table, progress) VALUES ($1, $2, $3, $4)
       ON CONFLICT (run, source_table, target_table)
       DO UPDATE SET progress = excluded.progress, changed_at = clock_timestamp()`,
      [this.#run, source, target, formatProgress(progress)],
    );
  }

  async done(table: TableNames, progress: TableProgress & { readonly report: TimedReport }): Promise<void> {
    await recordVerification(this.#target, this.#pipeline, [progress.report], this.#kept.get(pairName(table))?.since);
    await this.put(table, progress);
  }

  /** All tables are compared: nothing is left to go on with. */
  async end(): Promise<void> {
    await this.#target.query('DELETE FROM ferry.verification_run WHERE run = $1', [this.#run]);
    await unlock(this.#target, this.#run);
  }
}

async function readKept(target: ClientBase, run: string): Promise<Map<string, Kept>> {
  const { rows } = await target.query<Record<string, string>>(
    'SELECT source_table, target_table, progress, began_at FROM ferry.verification_progress WHERE run = $1',
    [run],
  );
  return new Map(
    rows.map((row) => [
      pairName({ source: row.source_table!, target: row.target_table! }),
      { progress: parseProgress(row.progress!), since: row.began_at! },
    ]),
  );
}

function refused(message: string, remedy = 'Begin anew: ferry verify.'): FerryError {
  return new FerryError('not-ready', message, { remedy });
}

const KEY = "pg_catalog.hashtext('ferry.verification'), pg_catalog.hashtext($1)";

async function tryLock(target: ClientBase, run: string): Promise<boolean> {
  const { rows } = await target.query<{ locked: string }>(`SELECT pg_catalog.pg_try_advisory_lock(${KEY}) AS locked`, [
    run,
  ]);
  return rows[0]!.locked === 't';
}

async function unlock(target: ClientBase, run: string): Promise<void> {
  await target.query(`SELECT pg_catalog.pg_advisory_unlock(${KEY})`, [run]);
}
