import { type Query, readIds, type TransactionKind } from '../application.js';

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
  /** Ascending. */
  readonly accounts: readonly number[];
  /** Of the old data, this connection's share. Those whose content is long come first. */
  readonly artifacts: readonly string[];
  readonly entities: OwnEntity[];
  readonly sites: string[];
  readonly comments: string[];
}

export type Kind = TransactionKind<KnownRows>;

export async function readKnownRows(query: Query, connections: number): Promise<KnownRows[]> {
  const ids = (sql: string) => readIds(query, sql);
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

export function forgetOwnRows(known: KnownRows): void {
  known.entities.length = 0;
  known.sites.length = 0;
  known.comments.length = 0;
}
