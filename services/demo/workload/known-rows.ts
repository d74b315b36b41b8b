/** Of the application's own making: only the connection that made it changes it, so that no two wait for each other. */
export interface OwnEntity {
  readonly id: string;
  readonly artifact: string;
  tags: string[];
}

/** The rows that one connection refers to and changes. */
export interface KnownRows {
  readonly users: string[];
  readonly tags: readonly string[];
  readonly prompts: readonly string[];
  /** Ascending, so that two transfers lock in the same order. */
  readonly accounts: readonly number[];
  /** Of the old data, this connection's share. Those whose content is long come first. */
  readonly artifacts: readonly string[];
  readonly entities: OwnEntity[];
  readonly sites: string[];
  readonly comments: string[];
}

type Query = <R extends object>(sql: string) => Promise<R[]>;

/**
 * Reads what the workload needs of the existing rows.
 * @returns one set for each connection.
 * @throws Error when the database has no such rows: it is not the demo's.
 */
export async function readKnownRows(query: Query, connections: number): Promise<KnownRows[]> {
  const ids = async (sql: string): Promise<string[]> => {
    const rows = await query<{ id: string | number }>(sql);
    if (rows.length < 2) throw new Error(`the workload needs the demo's data, and this gave too few rows: ${sql}`);
    return rows.map((row) => String(row.id));
  };
  const users = await ids('SELECT id FROM users ORDER BY id LIMIT 200');
  const tags = await ids('SELECT id FROM tags ORDER BY id LIMIT 200');
  const prompts = await ids('SELECT id FROM prompts ORDER BY id LIMIT 50');
  const accounts = (await ids('SELECT id FROM credit_accounts ORDER BY id')).map(Number);
  const artifacts = await ids(
    'SELECT id FROM artifacts ORDER BY pg_column_size(content) > 8000 DESC NULLS LAST, id LIMIT 800',
  );
  return Array.from({ length: connections }, (_, share) => ({
    users: [...users],
    tags,
    prompts,
    accounts,
    artifacts: artifacts.filter((_id, index) => index % connections === share),
    entities: [],
    sites: [],
    comments: [],
  }));
}

/** After a COMMIT of unknown outcome nobody knows which of the own rows are there: it goes on with new ones. */
export function forgetOwnRows(known: KnownRows): void {
  known.entities.length = 0;
  known.sites.length = 0;
  known.comments.length = 0;
}

/** Takes the element at `index` out of the list; the last one takes its place. */
export function removeAt<T>(list: T[], index: number): void {
  const last = list.pop()!;
  if (index < list.length) list[index] = last;
}
