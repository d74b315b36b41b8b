import type { ClientBase } from 'pg';
import { jsonRows } from '../preflight/json-rows.js';

/** What the target has before anything is created in it. */
export interface TargetFacts {
  /** Tables, sequences, indexes and views. */
  readonly relations: readonly { readonly schema: string; readonly name: string }[];
  readonly types: readonly { readonly schema: string; readonly name: string }[];
  /** Installed extensions by name, with the schema that they are in. */
  readonly extensions: ReadonlyMap<string, string>;
  /** Extensions that could be installed. */
  readonly available: ReadonlySet<string>;
}

const OUTSIDE_SYSTEM = `n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'`;

export async function readTargetFacts(client: ClientBase): Promise<TargetFacts> {
  const installed = await jsonRows<{ name: string; schema: string }>(
    client,
    'SELECT e.extname AS name, n.nspname AS schema FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace',
  );
  const available = await jsonRows<{ name: string }>(client, 'SELECT name FROM pg_available_extensions');
  return {
    relations: await jsonRows(
      client,
      `SELECT n.nspname AS schema, c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
       WHERE ${OUTSIDE_SYSTEM}`,
    ),
    types: await jsonRows(
      client,
      `SELECT n.nspname AS schema, t.typname AS name FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
       WHERE ${OUTSIDE_SYSTEM}`,
    ),
    extensions: new Map(installed.map(({ name, schema }) => [name, schema])),
    available: new Set(available.map(({ name }) => name)),
  };
}
