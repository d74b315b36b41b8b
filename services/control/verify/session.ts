import { classify, type Side } from '../../../platform/postgres.js';

/** A query, complete. */
export interface Statement {
  readonly text: string;
  readonly values: readonly (string | number | readonly (string | null)[])[];
}

/** What is needed of a `pg.Client`; it must give every value as text or null, as those of `connect()` do. */
export interface SqlClient {
  query(query: { text: string; values: unknown[]; rowMode: 'array' }): Promise<{ rows: unknown[][] }>;
  end(): Promise<void>;
}

export type TextRow = readonly (string | null)[];

/** Reads one table of one side. */
export interface Session {
  readonly side: Side;
  /** @throws FerryError, classified by the side. A failed read never looks like an empty one. */
  read(statement: Statement): Promise<TextRow[]>;
}

export interface OpenSession {
  /** @param table `schema.table`, for the messages of what fails. */
  about(table: string): Session;
  end(): Promise<void>;
}

const SETTINGS = [
  // Where policies would hide rows from our role, the read fails instead.
  'SET row_security = off',
  'SET default_transaction_read_only = on',
  // Behind a migration's lock it fails as a thing to be tried again, instead of standing there.
  "SET lock_timeout = '5s'",
  // One process for us, so that the application keeps the others.
  'SET max_parallel_workers_per_gather = 0',
  // The compilation would cost more than a chunk takes.
  'SET jit = off',
];

/** Takes the client over: it is ended when the session is, or when it cannot be set up. */
export async function openSession(side: Side, client: SqlClient): Promise<OpenSession> {
  const about = (subject: string): Session => ({
    side,
    async read({ text, values }) {
      try {
        const { rows } = await client.query({ text, values: [...values], rowMode: 'array' });
        return rows as TextRow[];
      } catch (error) {
        throw classify(side, error, `verification reads ${subject} in the ${side}`);
      }
    },
  });
  try {
    for (const text of SETTINGS) await about('settings').read({ text, values: [] });
  } catch (error) {
    await client.end();
    throw error;
  }
  return { about, end: () => client.end() };
}
