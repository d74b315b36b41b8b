import type { ClientBase } from 'pg';
import { FerryError } from '../../../../core/errors.js';
import { domainSchemas } from '../../../../core/mapping.js';
import { topicsOf } from '../../../../core/topics.js';
import { fenceApply, inTransactionBesideApply } from '../../../../platform/apply-fence.js';
import type { LoadedPipeline } from '../../../../platform/load-pipeline.js';
import type { FarSequence } from './far-sequences.js';

/**
 * Lets a pipeline's apply write beside applications from here on: what it commits later says where it comes from, and gives
 * way to what was committed later. Said again, it stays as it was.
 * @param target the pipeline's.
 */
export async function beginTwoWay(
  target: ClientBase,
  pipeline: LoadedPipeline,
  sequences: readonly FarSequence[] = [],
): Promise<void> {
  await inTransactionBesideApply(target, async () => {
    await fenceAll(target, pipeline);
    // Behind that: what apply has committed without a word is earlier.
    await target.query(
      `INSERT INTO ferry.two_way (pipeline, began_at, sequences) VALUES ($1, pg_catalog.clock_timestamp(), $2)
       ON CONFLICT (pipeline) DO NOTHING`,
      [pipeline.name, JSON.stringify(sequences)],
    );
  });
}

/** The reverse; conflicts stay. Ended before, it stays so. */
export async function endTwoWay(target: ClientBase, pipeline: LoadedPipeline): Promise<void> {
  await inTransactionBesideApply(target, async () => {
    await fenceAll(target, pipeline);
    for (const table of ['two_way', 'applied_xid', 'tombstone']) {
      await target.query(`DELETE FROM ferry.${table} WHERE pipeline = $1`, [pipeline.name]);
    }
  });
}

async function fenceAll(target: ClientBase, { name, tables, mappingVersion }: LoadedPipeline): Promise<void> {
  const { domain } = topicsOf(name, mappingVersion);
  for (const schema of domainSchemas(tables)) await fenceApply(target, name, domain(schema));
}

/** @returns undefined where apply writes alone; otherwise the sequences that were set far ahead. */
export async function readTwoWay(target: ClientBase, pipeline: string): Promise<readonly FarSequence[] | undefined> {
  const { rows: there } = await target.query("SELECT WHERE pg_catalog.to_regclass('ferry.two_way') IS NOT NULL");
  if (there.length === 0) return undefined;
  const { rows } = await target.query<{ sequences: string }>(
    'SELECT sequences FROM ferry.two_way WHERE pipeline = $1',
    [pipeline],
  );
  return rows[0] && (JSON.parse(rows[0].sequences) as FarSequence[]);
}

/** @throws FerryError `not-ready` in the mode users, entered whole or half: what else writes there would pass for a user. */
export async function refuseTwoWay(target: ClientBase, pipeline: string): Promise<void> {
  if (!(await readTwoWay(target, pipeline))) return;
  throw new FerryError('not-ready', 'the rollout is in the mode users: both projects take writes', {
    remedy:
      'End that first: ferry rollout --mode reads --percent 0. A direction that cannot go on is left out of that: --abandon back, or forward.',
  });
}

/** Changes that were given up so far. */
export async function countConflicts(target: ClientBase, pipeline: string): Promise<number> {
  const { rows } = await target.query<{ n: string }>('SELECT count(*) AS n FROM ferry.conflict WHERE pipeline = $1', [
    pipeline,
  ]);
  return Number(rows[0]!.n);
}
