import { type Query, readIds, readRows, type TransactionKind } from '../application.js';

/** A row, and the workspace that it belongs to. */
export interface Owned {
  readonly id: string;
  readonly workspace: string;
}

/** The rows that one connection refers to and changes. */
export interface KnownRows {
  readonly workspaces: readonly string[];
  /** Projects, whose minutes are moved; ascending. */
  readonly accounts: readonly string[];
  /** Of the old data, this connection's share: no two wait for each other. Those with an embedding come first. */
  readonly contacts: readonly Owned[];
  readonly threads: readonly Owned[];
  /** Of the application's own making. */
  readonly tasks: string[];
  readonly meetings: string[];
  readonly insights: string[];
}

export type Kind = TransactionKind<KnownRows>;

export async function readKnownRows(query: Query, connections: number): Promise<KnownRows[]> {
  const workspaces = await readIds(query, 'SELECT id FROM workspaces ORDER BY id');
  const accounts = await readIds(query, 'SELECT id FROM projects ORDER BY id');
  const contacts = await readRows<Owned>(
    query,
    'SELECT id, workspace_id AS workspace FROM contacts ORDER BY embedding IS NULL, id LIMIT 400',
  );
  const threads = await readRows<Owned>(
    query,
    'SELECT id, workspace_id AS workspace FROM threads ORDER BY id LIMIT 400',
  );
  return Array.from({ length: connections }, (_, share) => {
    const isMine = (_row: Owned, index: number) => index % connections === share;
    return {
      workspaces,
      accounts,
      contacts: contacts.filter(isMine),
      threads: threads.filter(isMine),
      tasks: [],
      meetings: [],
      insights: [],
    };
  });
}

export function forgetOwnRows(known: KnownRows): void {
  known.tasks.length = 0;
  known.meetings.length = 0;
  known.insights.length = 0;
}
