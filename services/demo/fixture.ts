import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Client } from 'pg';
import { FerryError } from '../../core/errors.js';
import { packageRoot } from '../../platform/package-root.js';
import { classify, connect, quoteName } from '../../platform/postgres.js';

/** Below it a share of the rows would be none, and references would have nothing to refer to. */
export const MIN_ROWS = 1_000;

export interface LoadedFixture {
  readonly tables: number;
  /** Of all tables together. */
  readonly rows: number;
}

/**
 * Makes a ready pipeline's old project in an empty database: its `source/schema.sql`, then its `source/data.sql`, in
 * one transaction. Before the schema runs `config/supabase.sql`, before the data `config/generator.sql`, whose functions it
 * calls; the data reads the number of rows from the setting `ferry_demo.rows`.
 * @param pipelineDirectory of the configuration, such as config/growth-split.
 * @throws FerryError `usage` when rows is not an integer of at least 1,000; a database error classified.
 */
export async function loadFixture(
  pipelineDirectory: string,
  sourceUrl: string,
  options: { readonly rows: number },
): Promise<LoadedFixture> {
  if (!Number.isSafeInteger(options.rows) || options.rows < MIN_ROWS) {
    throw new FerryError('usage', `rows must be a whole number of at least ${MIN_ROWS}, not ${options.rows}`);
  }
  const files = [
    join(packageRoot(), 'config', 'supabase.sql'),
    join(pipelineDirectory, 'source', 'schema.sql'),
    join(packageRoot(), 'config', 'generator.sql'),
    join(pipelineDirectory, 'source', 'data.sql'),
  ];
  const scripts = await Promise.all(files.map((file) => readFile(file, 'utf8')));
  // The files are written as an application's are: names without a schema mean public.
  const source = await connect('source', sourceUrl, {
    applicationName: 'ferry-demo-fixture',
    settings: { search_path: 'public' },
  });
  try {
    await source.query('BEGIN');
    await source.query("SELECT set_config('ferry_demo.rows', $1, true)", [String(options.rows)]);
    for (const script of scripts) await source.query(script);
    await source.query('COMMIT');
    return await countRows(source);
  } catch (error) {
    throw classify('source', error, `loading ${join(pipelineDirectory, 'source')}`);
  } finally {
    await source.end();
  }
}

async function countRows(source: Client): Promise<LoadedFixture> {
  const { rows: tables } = await source.query<{ schema: string; table: string }>(
    `SELECT schemaname AS schema, tablename AS table FROM pg_catalog.pg_tables
     WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`,
  );
  let rows = 0;
  for (const table of tables) {
    const { rows: counts } = await source.query<{ n: string }>(`SELECT count(*) AS n FROM ${quoteName(table)}`);
    rows += Number(counts[0]!.n);
  }
  return { tables: tables.length, rows };
}
