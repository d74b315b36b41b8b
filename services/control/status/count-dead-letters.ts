import type { ClientBase } from 'pg';
import { routeName, type TableMapping } from '../../../core/mapping.js';

/** Changes of the given tables that stand in the dead letters: what verification and replay may not pass over. */
export async function countDeadLetters(
  target: ClientBase,
  pipeline: string,
  tables: readonly TableMapping[],
): Promise<number> {
  const { rows } = await target.query<{ count: string }>(
    'SELECT coalesce(sum(dead_lettered), 0) AS count FROM ferry.ledger WHERE pipeline = $1 AND source_table = ANY ($2)',
    [pipeline, tables.map(routeName)],
  );
  return Number(rows[0]!.count);
}
