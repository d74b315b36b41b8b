import type { ClientBase } from 'pg';
import { displayName, type QualifiedName } from '../../../core/relation.js';

/** Changes of the given source tables that stand in the dead letters: what verification and replay may not pass over. */
export async function countDeadLetters(
  target: ClientBase,
  pipeline: string,
  sources: readonly QualifiedName[],
): Promise<number> {
  const { rows } = await target.query<{ count: string }>(
    'SELECT coalesce(sum(dead_lettered), 0) AS count FROM ferry.ledger WHERE pipeline = $1 AND source_table = ANY ($2)',
    [pipeline, sources.map(displayName)],
  );
  return Number(rows[0]!.count);
}
