import { quoteName } from '../../platform/postgres.js';
import { aliases, hasKey, rowsOf, unnest } from './statements.js';
import type { TableShape } from './table-shape.js';

/*
 * Statements about rows of a table that applications write, too. Their first parameters are the rows' keys, one array a
 * column.
 */

const keysOf = ({ keyIndexes: { length } }: TableShape) => `${unnest(length)} WITH ORDINALITY k(${aliases(length)}, n)`;

/** Holds the rows until the transaction ends. Not FOR UPDATE: rows that refer to one of them may come. */
export function lockRowsSql(shape: TableShape): string {
  return `SELECT FROM ${rowsOf(shape)} t JOIN ${keysOf(shape)} ON ${hasKey(shape)} FOR NO KEY UPDATE OF t`;
}

/**
 * Who wrote each row last, and when: in the order of the keys, times as ISO 8601. Behind the keys: the pipeline, and since
 * when both directions run.
 */
export function lastWritersSql(shape: TableShape): string {
  const { length } = shape.keyIndexes;
  const [pipeline, since] = [`$${length + 1}::text`, `$${length + 2}::timestamptz`];
  const at = 'pg_catalog.pg_xact_commit_timestamp';
  return `SELECT t.xmin IS NOT NULL AS is_there, ${iso('w.at')} AS written_at, ${iso('d.at')} AS deleted_at
  FROM ${keysOf(shape)}
  LEFT JOIN ${rowsOf(shape)} t ON ${hasKey(shape)}
  LEFT JOIN LATERAL (SELECT ${at}(t.xmin) AS at) w ON w.at >= ${since} AND NOT EXISTS (
       SELECT FROM ferry.applied_xid a WHERE a.pipeline = ${pipeline} AND a.xid = t.xmin::text::bigint)
  LEFT JOIN LATERAL (
       SELECT ${at}(x.xid::text::xid) AS at FROM ferry.tombstone x
        WHERE t.xmin IS NULL AND x.table_name = $${length + 3}::text AND x.key = ARRAY[${keyTexts(shape).join(', ')}]
        ORDER BY x.id DESC LIMIT 1) d ON true
 ORDER BY k.n`;
}

/** Puts down changes that were given up. Behind the keys: pipeline and table, then an array each of what is said of a row. */
export function recordConflictsSql(shape: TableShape): string {
  const { length } = shape.keyIndexes;
  const all = `unnest(${Array.from({ length: length + 5 }, (_, i) => `$${i + 1}::text[]`).join(', ')})`;
  const key = keyTexts(shape);
  return `INSERT INTO ferry.conflict (pipeline, table_name, key, op, why, lost_at, kept_at, lost, kept)
SELECT $${length + 6}::text, $${length + 7}::text, ARRAY[${key.join(', ')}], k.op, k.why, k.lost_at::timestamptz, k.kept_at::timestamptz,
       k.lost::jsonb, pg_catalog.to_jsonb(t)
  FROM ${all} k(${aliases(length)}, op, why, lost_at, kept_at, lost)
  LEFT JOIN ${rowsOf(shape)} t ON ${hasKey(shape)}`;
}

/** As the trigger of {@link file://./../control/rollout/users/tombstones.ts} has them. */
function keyTexts({ columns, keyIndexes }: TableShape): string[] {
  return keyIndexes.map((index, i) => `pg_catalog.to_jsonb(k.c${i}::${columns[index]!.type}) #>> '{}'`);
}

const iso = (time: string) => `pg_catalog.to_char(${time} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;

/** The name that a table has in the tombstones. */
export function tombstoneName({ table }: TableShape): string {
  return quoteName(table);
}
