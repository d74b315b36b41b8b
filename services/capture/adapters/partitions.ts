import type { ClientBase } from 'pg';
import type { QualifiedName } from '../../../core/relation.js';
import { quoteName } from '../../../platform/postgres.js';
import type { Partition } from '../snapshot/partition-tree.js';

/** What the catalog had at one moment. */
export interface Partitions {
  readonly list: readonly Partition[];
  /** Every transaction with an older id had ended; undefined where there are no partitions. */
  readonly horizon: string | undefined;
}

/** The partitions with rows of a partitioned table, however deep they stand. */
export async function readPartitions(source: ClientBase, root: number): Promise<Partitions> {
  const { rows } = await source.query<Record<string, string>>(
    `SELECT c.oid, n.nspname AS schema, c.relname AS table, pg_catalog.pg_relation_filenode(c.oid) AS file,
            c.reltuples < 0 AS uncounted, pg_catalog.pg_relation_size(c.oid) = 0 AS empty,
            EXISTS (SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.xmin = c.xmin) AS altered,
            pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot())::xid AS horizon
       FROM pg_catalog.pg_partition_tree($1::oid::regclass) t
       JOIN pg_catalog.pg_class c ON c.oid = t.relid
       JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind = 'r' ORDER BY c.oid`,
    [root],
  );
  const list = rows.map((row) => ({
    oid: row.oid!,
    schema: row.schema!,
    table: row.table!,
    file: row.file!,
    isUncounted: row.uncounted === 't',
    isEmpty: row.empty === 't',
    isAltered: row.altered === 't',
  }));
  return { list, horizon: rows[0]?.horizon };
}

/** Whether rows of transactions before the horizon are left: what rewrites a table keeps them, and TRUNCATE does not. */
export async function keepsRowsFromBefore(
  source: ClientBase,
  partition: QualifiedName,
  horizon: string,
): Promise<boolean> {
  const { rows } = await source.query<{ keeps: string }>(
    `SELECT EXISTS (SELECT FROM ONLY ${quoteName(partition)} WHERE pg_catalog.age(xmin) > pg_catalog.age($1::xid)) AS keeps`,
    [horizon],
  );
  return rows[0]!.keeps === 't';
}

/** Whether it has rows of a transaction that changed its columns: one that rewrites a table writes all rows anew. */
export async function hasRowsOfItsChange(source: ClientBase, partition: Partition): Promise<boolean> {
  const { rows } = await source.query<{ has: string }>(
    `SELECT EXISTS (SELECT FROM ONLY ${quoteName(partition)}
                     WHERE xmin IN (SELECT a.xmin FROM pg_catalog.pg_attribute a WHERE a.attrelid = $1 AND a.attnum > 0)) AS has`,
    [partition.oid],
  );
  return rows[0]!.has === 't';
}
