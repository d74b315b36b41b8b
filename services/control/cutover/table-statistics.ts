import type { ClientBase } from 'pg';
import type { TableMapping } from '../../../core/mapping.js';
import { displayName, type QualifiedName } from '../../../core/relation.js';
import { quoteName } from '../../../platform/postgres.js';

/** What the planner knows of a table. */
export interface TableStatistics extends QualifiedName {
  /** Since the server counts; null when it has not been analyzed. */
  readonly analyzedAt: string | null;
  readonly liveRows: number;
  readonly changedSince: number;
}

/** Changes that no plan turns on, in a table of any size, and the share of a large one. */
const FEW_ROWS = 10_000;
const SHARE = 0.2;

/** A table that the planner knows nothing of, or that has become another one since. Pure. */
export function isStale({ analyzedAt, liveRows, changedSince }: TableStatistics): boolean {
  if (analyzedAt === null) return liveRows > 0 || changedSince > 0;
  return changedSince > FEW_ROWS + SHARE * liveRows;
}

/** A table that is stale, or would be soon: analyzed at the limit only, one that is written all the while is past it again. Pure. */
export function isAging(table: TableStatistics): boolean {
  return isStale({ ...table, changedSince: table.changedSince * MARGIN });
}

const MARGIN = 10;

/** Reads the server's counters of every mapped table of the target that exists. */
export async function readStatistics(target: ClientBase, tables: readonly TableMapping[]): Promise<TableStatistics[]> {
  const { rows } = await target.query<Record<string, string | null>>(
    `SELECT s.schemaname AS schema, s.relname AS table, greatest(s.last_analyze, s.last_autoanalyze) AS analyzed_at,
            s.n_live_tup AS live, s.n_mod_since_analyze AS changed
       FROM pg_catalog.pg_stat_all_tables s
      WHERE s.relid IN (SELECT pg_catalog.to_regclass(name) FROM unnest($1::text[]) name) ORDER BY 1, 2`,
    [tables.map((table) => quoteName(table.target))],
  );
  return rows.map((row) => ({
    schema: row.schema!,
    table: row.table!,
    analyzedAt: row.analyzed_at ?? null,
    liveRows: Number(row.live),
    changedSince: Number(row.changed),
  }));
}

/**
 * Analyzes what is stale or would be soon, one table after the other. A role that may not is only warned by the server: whether it helped
 * is for the gate to see.
 */
export async function analyzeStale(
  target: ClientBase,
  tables: readonly TableMapping[],
  signal: AbortSignal,
): Promise<string> {
  const aging = (await readStatistics(target, tables)).filter(isAging);
  for (const table of aging) {
    signal.throwIfAborted();
    await target.query(`ANALYZE ${quoteName(table)}`);
  }
  return aging.length === 0 ? 'fresh' : `analyzed ${aging.map(displayName).join(', ')}`;
}
