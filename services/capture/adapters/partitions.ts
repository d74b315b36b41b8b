import type { ClientBase } from 'pg';
import type { Partition } from '../snapshot/partition-tree.js';

/** The partitions with rows of a partitioned table, however deep they stand. */
export async function readPartitions(source: ClientBase, root: number): Promise<Partition[]> {
  const { rows } = await source.query<Record<string, string>>(
    `SELECT c.oid, n.nspname AS schema, c.relname AS table, pg_catalog.pg_relation_filenode(c.oid) AS file,
            c.reltuples < 0 AS uncounted
       FROM pg_catalog.pg_partition_tree($1::oid::regclass) t
       JOIN pg_catalog.pg_class c ON c.oid = t.relid
       JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind = 'r' ORDER BY c.oid`,
    [root],
  );
  return rows.map((row) => ({
    oid: row.oid!,
    schema: row.schema!,
    table: row.table!,
    file: row.file!,
    isUncounted: row.uncounted === 't',
  }));
}
