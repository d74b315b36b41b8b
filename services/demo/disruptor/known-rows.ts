import { type Query, readIds, type TransactionKind } from '../application.js';

/** The old project's tables of keys, the one that has precedence in the new one first. */
export const KEY_TABLES = ['api_keys', 'stored_api_keys', 'vendor_api_keys_v2', 'vendor_api_keys'] as const;
export type KeyTable = (typeof KEY_TABLES)[number];

/** Of the application's own making: only the connection that made it changes it, so that no two wait for each other. */
export interface OwnKey {
  readonly hash: string;
  /** Where it stands in the old project, in the order of precedence. */
  readonly tables: readonly KeyTable[];
}

/** The rows that one connection refers to and changes. */
export interface KnownRows {
  /** Of the old data, this connection's share. */
  readonly users: readonly string[];
  /** Projects, whose budgets are the credit; ascending. */
  readonly accounts: readonly string[];
  /** Of the old data, this connection's share. Those that have an embedding come first. */
  readonly memories: readonly string[];
  readonly keys: OwnKey[];
  readonly ownMemories: string[];
  /** Codes. */
  readonly vendors: string[];
}

export type Kind = TransactionKind<KnownRows>;

export async function readKnownRows(query: Query, connections: number): Promise<KnownRows[]> {
  const users = await readIds(query, 'SELECT id FROM users ORDER BY id LIMIT 400');
  const accounts = await readIds(query, 'SELECT id FROM api_key_projects ORDER BY id');
  const memories = await readIds(query, 'SELECT id FROM memory_entries ORDER BY embedding IS NULL, id LIMIT 400');
  return Array.from({ length: connections }, (_, share) => {
    const own = (ids: readonly string[]) => ids.filter((_id, index) => index % connections === share);
    return { users: own(users), accounts, memories: own(memories), keys: [], ownMemories: [], vendors: [] };
  });
}

export function forgetOwnRows(known: KnownRows): void {
  known.keys.length = 0;
  known.ownMemories.length = 0;
  known.vendors.length = 0;
}
