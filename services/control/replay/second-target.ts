import { randomInt } from 'node:crypto';
import type { ClientBase } from 'pg';
import { FerryError } from '../../../core/errors.js';
import { displayName, type QualifiedName } from '../../../core/relation.js';
import type { LoadedPipeline } from '../../../platform/load-pipeline.js';
import { quoteName } from '../../../platform/postgres.js';
import { wasFilledByReplay } from './journal.js';

/**
 * Asked of the servers, not of the URLs: a database has many names. A lock of one session is seen by another one of the
 * same database only.
 */
async function areOneDatabase(one: ClientBase, other: ClientBase): Promise<boolean> {
  const key = randomInt(2 ** 47);
  await one.query('SELECT pg_catalog.pg_advisory_lock($1::bigint)', [key]);
  try {
    const { rows } = await other.query<{ free: string }>('SELECT pg_catalog.pg_try_advisory_lock($1::bigint) AS free', [
      key,
    ]);
    if (rows[0]!.free === 't') await other.query('SELECT pg_catalog.pg_advisory_unlock($1::bigint)', [key]);
    return rows[0]!.free !== 't';
  } finally {
    await one.query('SELECT pg_catalog.pg_advisory_unlock($1::bigint)', [key]);
  }
}

/**
 * @param sides what the pipeline has already; a source that cannot be reached is not asked.
 * @throws FerryError `usage` when the second target is one of them.
 */
export async function refuseSameDatabase(
  second: ClientBase,
  sides: { readonly source: ClientBase | undefined; readonly target: ClientBase },
): Promise<void> {
  for (const side of ['source', 'target'] as const) {
    const client = sides[side];
    if (!client || !(await areOneDatabase(client, second))) continue;
    throw new FerryError('usage', `--target names the pipeline's own ${side} database`, {
      remedy: 'Name a variable that has the URL of another database.',
    });
  }
}

/**
 * A rebuild empties the mapped tables first, and a URL is soon mistaken.
 * @throws FerryError `not-ready` when one has rows that no replay has put there.
 */
export async function refuseOthersRows(second: ClientBase, pipeline: LoadedPipeline): Promise<void> {
  if (await wasFilledByReplay(second, pipeline.name)) return;
  const filled: string[] = [];
  for (const target of targetsOf(pipeline)) {
    const { rows } = await second.query<{ has: string }>(`SELECT EXISTS (SELECT FROM ${quoteName(target)}) AS has`);
    if (rows[0]!.has === 't') filled.push(displayName(target));
  }
  if (filled.length === 0) return;
  throw new FerryError('not-ready', `the second target has rows that no replay has put there: ${filled.join(', ')}`, {
    remedy: 'Take an empty database, or empty these tables. A backup of the target is gone on with by --from.',
  });
}

/**
 * Rows of the log are read as the live target's columns were changed, so the second one must have them too.
 * @throws FerryError `target-unfit` naming each column that differs.
 */
export async function refuseOtherColumns(
  live: ClientBase,
  second: ClientBase,
  pipeline: LoadedPipeline,
): Promise<void> {
  const [expected, found] = await Promise.all([live, second].map((client) => readColumns(client, pipeline)));
  const lacks = [...expected!].filter(([column, type]) => found!.get(column) !== type);
  const more = [...found!].filter(([column]) => !expected!.has(column));
  const differences = [
    ...lacks.map(([column, type]) => `${column} is ${type} in the live one, and ${found!.get(column) ?? 'not there'}`),
    ...more.map(([column, type]) => `${column} ${type} is not in the live one`),
  ];
  if (differences.length === 0) return;
  throw new FerryError('target-unfit', `the second target is not as the live one: ${differences.join('; ')}`, {
    remedy: 'Change its tables; or take an empty database, with what pg_dump --schema-only says of the live target.',
  });
}

/** By `schema.table.column`, its type. */
async function readColumns(client: ClientBase, pipeline: LoadedPipeline): Promise<Map<string, string>> {
  const { rows } = await client.query<{ column: string; type: string }>(
    `SELECT n.nspname || '.' || c.relname || '.' || a.attname AS column, pg_catalog.format_type(a.atttypid, a.atttypmod) AS type
       FROM unnest($1::text[], $2::text[]) AS t (schema, name)
       JOIN pg_catalog.pg_namespace n ON n.nspname = t.schema
       JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = t.name
       JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
      ORDER BY 1`,
    [targetsOf(pipeline).map(({ schema }) => schema), targetsOf(pipeline).map(({ table }) => table)],
  );
  return new Map(rows.map(({ column, type }) => [column, type]));
}

/** Changes of columns that were passed, by which rows of before are read. */
export async function copyPastChanges(live: ClientBase, second: ClientBase, { name }: LoadedPipeline): Promise<void> {
  const { rows } = await live.query<{ past: string }>(
    "SELECT coalesce(json_agg(s), '[]') AS past FROM ferry.schema_change s WHERE pipeline = $1",
    [name],
  );
  await second.query('DELETE FROM ferry.schema_change WHERE pipeline = $1', [name]);
  await second.query(
    'INSERT INTO ferry.schema_change SELECT * FROM pg_catalog.json_populate_recordset(NULL::ferry.schema_change, $1)',
    [rows[0]!.past],
  );
}

function targetsOf({ tables }: LoadedPipeline): QualifiedName[] {
  return [...new Map(tables.map(({ target }) => [displayName(target), target])).values()];
}
