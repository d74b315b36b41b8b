import type { ClientBase } from 'pg';
import { FerryError } from '../../../../core/errors.js';
import { readStoppedTables, type StoppedTable } from '../../../../platform/control-schema.js';
import type { LoadedPipeline } from '../../../../platform/load-pipeline.js';

/** Changes of a source table that stand in the dead letters. */
export interface StandingLetters {
  readonly source: string;
  readonly count: number;
}

/**
 * Changes that the checkpoint has passed, and the target does not have: they would come later, over what users have written by then.
 * @throws FerryError `not-ready` naming their tables.
 */
export async function refuseStanding(target: ClientBase, { name, directory }: LoadedPipeline): Promise<void> {
  const { rows } = await target.query<{ source: string; count: string }>(
    `SELECT source_table AS source, sum(dead_lettered) AS count FROM ferry.ledger
      WHERE pipeline = $1 GROUP BY source_table HAVING sum(dead_lettered) > 0 ORDER BY 1`,
    [name],
  );
  const letters = rows.map(({ source, count }) => ({ source, count: Number(count) }));
  const refusal = standingRefusal(await readStoppedTables(target, name), letters, directory);
  if (refusal) throw new FerryError('not-ready', `the pipeline ${name}: ${refusal.message}`, refusal);
}

/** @returns undefined where nothing stands. */
export function standingRefusal(
  stopped: readonly StoppedTable[],
  letters: readonly StandingLetters[],
  config: string,
): { readonly message: string; readonly remedy: string } | undefined {
  if (stopped.length + letters.length === 0) return undefined;
  const said = [
    ...stopped.map(({ source, state, reason }) => `${source} is ${state}${reason ? ` (${reason.message})` : ''}`),
    ...letters.map(({ source, count }) => `${source} has ${count} dead letters`),
  ];
  const remedies = [
    ...(stopped.length > 0 ? [`Let the tables catch up: ferry table resume -c ${config}.`] : []),
    // A retry writes whatever stands there over.
    ...(letters.length > 0
      ? [`Write what dead letters say by hand where it still holds, then ferry dead-letter drop -c ${config}.`]
      : []),
  ];
  return { message: [...new Set(said)].join('; '), remedy: `${remedies.join(' ')} Then run the command again.` };
}
