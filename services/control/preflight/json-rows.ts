import type { ClientBase } from 'pg';

/**
 * Runs a query and gives its rows as objects, lists and numbers: the server writes them as JSON, since our sessions
 * leave every value as text. Select a bigint as text: JSON numbers end at 2^53.
 */
export async function jsonRows<T>(client: ClientBase, query: string, values: readonly unknown[] = []): Promise<T[]> {
  const { rows } = await client.query<{ rows: string }>(
    `SELECT coalesce(json_agg(q), '[]') AS rows FROM (${query}) q`,
    [...values],
  );
  return JSON.parse(rows[0]!.rows) as T[];
}
