import type { ClientBase } from 'pg';
import { FerryError } from '../../../core/errors.js';
import { namedColumns } from '../../../core/mapping/table-rules.js';
import type { TableMapping } from '../../../core/mapping.js';
import { displayName, type QualifiedName, type ReplicaIdentity } from '../../../core/relation.js';
import { atPlace } from '../../../platform/at-place.js';
import { BASE_TYPE, IS_EQUAL_AS_TEXT, operatorOf, STRATEGY } from '../../../platform/column-type.js';
import { quoteName } from '../../../platform/postgres.js';
import type { PublishedTable } from '../../../platform/published-tables.js';
import type { TablePlan } from './chunk.js';

/** Columns with their places in the primary key and in the replica identity's index. */
const PLAN_SQL = `
SELECT c.oid, c.relkind, c.relreplident, pg_catalog.row_security_active(c.oid) AS hidden, a.attname, a.atttypid, a.atttypmod,
       pg_catalog.format_type(base.oid, -1) AS type, base.oid <> a.atttypid AS is_domain,
       ${operatorOf(STRATEGY.equal)} AS equal, ${operatorOf(STRATEGY.greater)} AS greater,
       ${IS_EQUAL_AS_TEXT} AS equal_as_text,
       pg_catalog.array_position(k.columns, a.attnum) AS key_place, pg_catalog.cardinality(k.columns) AS key_columns,
       pg_catalog.array_position(i.columns, a.attnum) AS identity_place, pg_catalog.cardinality(i.columns) AS identity_columns
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
 ${BASE_TYPE}
  -- Behind the key's columns stand those that the index only includes. A deferrable one lets two rows share a key for a while.
  LEFT JOIN LATERAL (
    SELECT (i.indkey::int2[])[0:i.indnkeyatts - 1] AS columns FROM pg_catalog.pg_index i
     WHERE i.indrelid = c.oid AND i.indisprimary AND i.indimmediate) k ON true
  LEFT JOIN LATERAL (
    SELECT (i.indkey::int2[])[0:i.indnkeyatts - 1] AS columns FROM pg_catalog.pg_index i
     WHERE i.indrelid = c.oid AND i.indisreplident) i ON true
 WHERE n.nspname = $1 AND c.relname = $2
 ORDER BY a.attnum`;

/**
 * Reads a table's columns and key from the source's catalog.
 * @returns a plan without key columns for a table without a key whose replica identity is full.
 * @throws FerryError `source-unfit` when the table is not there, nothing identifies its rows, or some are hidden.
 */
export async function readTablePlan(source: ClientBase, table: QualifiedName): Promise<TablePlan> {
  const { rows } = await source.query<Record<string, string | null>>(PLAN_SQL, [table.schema, table.table]);
  if (rows.length === 0) throw new FerryError('source-unfit', `the source has no table ${displayName(table)}`);
  if (rows[0]!.hidden === 't') throw hidesRows(table);
  const identity = inOrder(rows, 'identity');
  const key = chooseKey(rows, identity);
  if (key.length === 0 && (rows[0]!.relreplident !== 'f' || rows[0]!.relkind === 'p')) {
    throw new FerryError(
      'source-unfit',
      `the source table ${displayName(table)} has no primary key, no replica identity index and not REPLICA IDENTITY FULL`,
    );
  }
  return {
    relation: {
      id: Number(rows[0]!.oid),
      schema: table.schema,
      table: table.table,
      identity: rows[0]!.relreplident as ReplicaIdentity,
      columns: rows.map((row) => ({
        name: row.attname!,
        type: Number(row.atttypid),
        typmod: Number(row.atttypmod),
        key: isIdentity(row),
      })),
    },
    key: key.map((row) => row.attname!),
    // A delete carries the replica identity's columns alone. What is equal must come to one partition, in whichever text.
    partitionKey: (identity.length > 0 ? identity : key)
      .filter((row) => row.equal_as_text === 't')
      .map((row) => row.attname!),
    keyTypes: key.map(({ type, is_domain, equal, greater }) => ({
      sql: type!,
      isDomain: is_domain === 't',
      equal: equal ?? null,
      greater: greater ?? null,
    })),
    columns: rows.map((row) => row.attname!),
    ...(rows[0]!.relkind === 'p' ? { isPartitioned: true } : {}),
  };
}

/** As pgoutput calls a column key, so that both describe a table in the same words. */
function isIdentity({ relreplident, identity_place, key_place }: Record<string, string | null>): boolean {
  if (relreplident === 'f') return true;
  return (relreplident === 'i' ? identity_place : relreplident === 'd' ? key_place : null) !== null;
}

function hidesRows(table: QualifiedName): FerryError {
  return new FerryError('source-unfit', `row-level security hides rows of ${displayName(table)} from our role`, {
    remedy: 'ALTER ROLE ... BYPASSRLS for the role of the source URL; `ferry check` prints it.',
  });
}

/** The plan of what the publication publishes of the table, so that the snapshot reads what the stream carries. */
export function narrowedTo(plan: TablePlan, published: PublishedTable): TablePlan {
  const { columns: listed, filter } = published;
  const isListed = (name: string) => !listed || listed.includes(name);
  return {
    ...plan,
    relation: { ...plan.relation, columns: plan.relation.columns.filter(({ name }) => isListed(name)) },
    columns: plan.columns.filter(isListed),
    ...(filter === undefined ? {} : { filter }),
  };
}

/** What a SELECT reads the plan's rows from. */
export function rowsOf({ relation, partition, isPartitioned }: TablePlan): string {
  if (partition) return `ONLY ${quoteName(partition)}`;
  return `${isPartitioned ? '' : 'ONLY '}${quoteName(relation)}`;
}

type Row = Record<string, string | null>;

/** A generated column is not among the rows, nor in the WAL: an index that has one identifies nothing there. */
function inOrder(rows: readonly Row[], index: 'key' | 'identity'): Row[] {
  const place = `${index}_place`;
  const found = rows.filter((row) => row[place] !== null).sort((a, b) => Number(a[place]) - Number(b[place]));
  return found.length === Number(rows[0]![`${index}_columns`] ?? 0) ? found : [];
}

/** The primary key, if a deleted row brings it; else the replica identity's index. */
function chooseKey(rows: readonly Row[], identity: readonly Row[]): readonly Row[] {
  const primary = inOrder(rows, 'key');
  if (rows[0]!.relreplident !== 'i') return primary;
  return primary.length > 0 && primary.every((row) => identity.includes(row)) ? primary : identity;
}

/**
 * Reads the plan of a mapped table, and sees that its mappings name no column that is not there.
 * @throws FerryError `source-unfit` with the mapping's file, line and column.
 */
export async function readMappedPlan(
  source: ClientBase,
  table: QualifiedName,
  mappings: readonly TableMapping[],
): Promise<TablePlan> {
  const plan = await readTablePlan(source, table).catch((error: unknown) => {
    throw atPlace(error, mappings[0]?.place);
  });
  const unknown = mappings.flatMap(namedColumns).find(({ column }) => !plan.columns.includes(column));
  if (unknown === undefined) return plan;
  const error = new FerryError(
    'source-unfit',
    `the source table ${displayName(table)} has no column ${unknown.column}`,
    {
      remedy: 'Correct the mapping at the place named.',
    },
  );
  throw atPlace(error, unknown.place);
}

/**
 * Rows that a table is expected to have, and bytes of a row, from the planner's statistics; the rows are counted where
 * there are none and the table is small.
 */
export async function estimateTable(
  source: ClientBase,
  plan: TablePlan,
): Promise<{ rows: number | undefined; rowBytes: number }> {
  const { rows } = await source.query<Record<string, string>>(
    // A partitioned table has neither rows nor bytes of its own.
    `SELECT CASE WHEN min(reltuples) < 0 THEN -1 ELSE sum(reltuples) END::bigint AS tuples,
            sum(pg_catalog.pg_table_size(oid)) AS bytes
       FROM pg_catalog.pg_class
      WHERE relkind <> 'p' AND (oid = $1 OR oid IN (SELECT relid FROM pg_catalog.pg_partition_tree($1::oid::regclass)))`,
    [plan.relation.id],
  );
  let tuples = Number(rows[0]?.tuples ?? -1);
  const bytes = Number(rows[0]?.bytes ?? 0);
  if (tuples < 0 && bytes <= COUNT_BELOW_BYTES) tuples = await count(source, plan);
  return { rows: tuples < 0 ? undefined : tuples, rowBytes: tuples > 0 ? Math.max(16, bytes / tuples) : 200 };
}

async function count(source: ClientBase, plan: TablePlan): Promise<number> {
  const { rows } = await source.query<{ n: string }>(`SELECT count(*) AS n FROM ${rowsOf(plan)}`);
  return Number(rows[0]!.n);
}

const COUNT_BELOW_BYTES = 256 * 1024 * 1024;
