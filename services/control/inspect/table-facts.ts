import type { ClientBase } from 'pg';
import type { TableFacts } from '../../../core/inspect/table-facts.js';
import { displayName } from '../../../core/relation.js';
import { isSameSet } from '../../../core/same-set.js';
import { quoteName } from '../../../platform/postgres.js';
import type { CatalogTable } from '../preflight/catalog.js';
import { jsonRows } from '../preflight/json-rows.js';
import { replicaKey } from '../preflight/replica-key.js';
import type { ActivityReading } from './activity.js';
import { tryRead } from './try-read.js';

/** Where the planner has no estimate, rows are counted up to here. */
const COUNTED = 100_000;

/** How many rows a table has, about. */
export interface RowCount {
  readonly rows: number | null;
  /** Counting ended at `rows`. */
  readonly more: boolean;
}

/** By the planner's estimate, or what the statistics think, or counted. */
export async function countRows(
  client: ClientBase,
  tables: readonly CatalogTable[],
  { liveRows }: ActivityReading,
): Promise<Map<number, RowCount>> {
  const counts = new Map<number, RowCount>();
  for (const table of tables) {
    const known = table.estimatedRows ?? (liveRows.get(table.oid) || null);
    counts.set(table.oid, known === null ? await count(client, table) : { rows: known, more: false });
  }
  return counts;
}

async function count(client: ClientBase, table: CatalogTable): Promise<RowCount> {
  // A foreign table would be read over the network, rows that are hidden from us not at all.
  if (table.kind === 'f' || !isReadable(table)) return { rows: null, more: false };
  const query = `SELECT count(*)::int AS rows FROM (SELECT FROM ${quoteName(table)} LIMIT ${COUNTED + 1}) q`;
  const tried = await tryRead(client, () => jsonRows<{ rows: number }>(client, query));
  if (!('value' in tried)) return { rows: null, more: false };
  const { rows } = tried.value[0]!;
  return { rows: Math.min(rows, COUNTED), more: rows > COUNTED };
}

/** Our role may read every row. */
export function isReadable({ schemaUsage, privileges, rowSecurityActive }: CatalogTable): boolean {
  return schemaUsage && privileges.includes('SELECT') && !rowSecurityActive;
}

/** The columns that identify a row; undefined where nothing does that the WAL would carry. */
export function keyOf(table: CatalogTable): readonly string[] | undefined {
  const key = replicaKey(table);
  return 'columns' in key && key.columns.length > 0 ? key.columns : undefined;
}

/** @param defaults by column, as SQL. */
export function tableFacts(
  table: CatalogTable,
  rows: number | null,
  defaults: ReadonlyMap<string, string>,
): TableFacts {
  const primary = table.uniqueIndexes.find((index) => index.primary);
  const key = keyOf(table) ?? [];
  return {
    schema: table.schema,
    table: table.table,
    name: displayName(table),
    columns: table.columns.map(({ name, typeText, generated }) => ({
      name,
      type: typeText,
      ...(generated === '' ? {} : { isGenerated: true }),
      ...(defaults.has(name) ? { default: defaults.get(name)! } : {}),
    })),
    key,
    rows,
    uniques: table.uniqueIndexes
      .filter((index) => index !== primary && index.plain && index.immediate)
      .map(({ columns }) => columns),
    isFull: table.identity === 'f',
    hasOtherIdentity: table.identity === 'i' && primary !== undefined && !isSameSet(primary.columns, key),
  };
}
