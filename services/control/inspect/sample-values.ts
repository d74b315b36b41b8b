import type { ClientBase } from 'pg';
import type { ValueSamples } from '../../../core/inspect/near-duplicates.js';
import type { TableFacts } from '../../../core/inspect/table-facts.js';
import { quoteIdentifier, quoteName } from '../../../platform/postgres.js';
import { jsonRows } from '../preflight/json-rows.js';
import { tryRead } from './try-read.js';

/** Rows read of a table: enough to see that two have the same values, little beside what any application reads. */
const SAMPLE_ROWS = 2_000;
/** Long texts are told apart by their beginnings. */
const PREFIX = 200;
/** How far a table's pages are picked at random rather than read from the start on. */
const PICKED_FROM = 5 * SAMPLE_ROWS;

export interface SampleProgress {
  readonly table: string;
  readonly done: number;
  readonly of: number;
}

export interface Sampling {
  readonly samples: ValueSamples;
  /** Tables that could not be read, and why. */
  readonly failed: readonly { readonly table: string; readonly reason: string }[];
}

/**
 * Reads some rows of each table, and of them hashes alone: no value leaves the server.
 * @param client in a transaction.
 */
export async function sampleValues(
  client: ClientBase,
  wanted: ReadonlyMap<TableFacts, readonly string[]>,
  onProgress: (progress: SampleProgress) => void,
): Promise<Sampling> {
  const samples = new Map<string, Map<string, Set<string>>>();
  const failed: { table: string; reason: string }[] = [];
  let done = 0;
  for (const [table, columns] of wanted) {
    onProgress({ table: table.name, done: done++, of: wanted.size });
    const tried = await tryRead(client, () => sampleTable(client, table, columns));
    if ('value' in tried) samples.set(table.name, tried.value);
    else failed.push({ table: table.name, reason: tried.failed });
  }
  return { samples, failed };
}

async function sampleTable(
  client: ClientBase,
  table: TableFacts,
  columns: readonly string[],
): Promise<Map<string, Set<string>>> {
  const hashes = columns.map(
    (column, index) => `hashtextextended(left(${quoteIdentifier(column)}::text, ${PREFIX}), 0)::text AS c${index}`,
  );
  const rows = await jsonRows<Record<string, string | null>>(
    client,
    `SELECT ${hashes.join(', ')} FROM ${quoteName(table)} ${picked(table.rows)} LIMIT ${SAMPLE_ROWS}`,
  );
  return new Map(
    columns.map((column, index) => [column, new Set(rows.flatMap((row) => row[`c${index}`] ?? []))] as const),
  );
}

/** Twice as many as are wanted, since pages are not equally full. */
function picked(rows: number | null): string {
  if (rows === null || rows < PICKED_FROM) return '';
  return `TABLESAMPLE SYSTEM (${((200 * SAMPLE_ROWS) / rows).toFixed(6)}) REPEATABLE (1)`;
}
