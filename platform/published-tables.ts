import type { ClientBase } from 'pg';
import { displayName, type QualifiedName, type ReplicaIdentity } from '../core/relation.js';

/** A table as a publication publishes it: an operator may have made it with row filters and column lists. */
export interface PublishedTable extends QualifiedName {
  /** Its published columns, in table order; undefined before PostgreSQL 15, where all are. */
  readonly columns: readonly string[] | undefined;
  /** It has a column list of its own. */
  readonly isListed: boolean;
  /** Row filter as SQL, its names qualified where they must be. */
  readonly filter: string | undefined;
  readonly filterColumns: readonly string[];
  readonly identity: ReplicaIdentity;
  /** Of the replica identity's index. */
  readonly identityColumns: readonly string[];
  readonly generatedColumns: readonly string[];
  /** All that are not generated. */
  readonly ordinaryColumns: readonly string[];
}

const names = (
  of: string,
) => `SELECT coalesce(json_agg(a.attname ORDER BY a.attnum), '[]') FROM pg_catalog.pg_attribute a
  WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND ${of}`;

/** One JSON document a table. What PostgreSQL 15 added to the catalogs is read through JSON: it is there or not. */
const PUBLISHED_SQL = `
SELECT json_build_object('schema', p.schemaname, 'table', p.tablename,
         'columns', to_jsonb(p) -> 'attnames', 'isListed', coalesce(to_jsonb(r) -> 'prattrs' <> 'null', false), 'filter', to_jsonb(p) ->> 'rowfilter',
         'filterColumns', (${names(`a.attnum IN (SELECT m[1]::int
             FROM pg_catalog.regexp_matches(to_jsonb(r) ->> 'prqual', ':varattno ([0-9]+)', 'g') m)`)}),
         'identity', c.relreplident,
         'identityColumns', (${names(`EXISTS (SELECT FROM pg_catalog.pg_index i
           WHERE i.indrelid = c.oid AND a.attnum = ANY((i.indkey::int2[])[0:i.indnkeyatts - 1])
             AND CASE WHEN c.relreplident = 'i' THEN i.indisreplident ELSE i.indisprimary END)`)}),
         'generatedColumns', (${names("a.attgenerated <> ''")}),
         'ordinaryColumns', (${names("a.attgenerated = ''")})) AS published
  FROM pg_catalog.pg_publication_tables p
  JOIN pg_catalog.pg_publication pub ON pub.pubname = p.pubname
  JOIN pg_catalog.pg_class c ON c.oid = pg_catalog.to_regclass(pg_catalog.format('%I.%I', p.schemaname, p.tablename))
  LEFT JOIN pg_catalog.pg_publication_rel r ON r.prpubid = pub.oid AND r.prrelid = c.oid
 WHERE p.pubname = $1`;

/** What a publication publishes, by display name: roots or leaves of partitioned tables as it is set; empty for one that is not there. */
export async function readPublishedTables(
  source: Pick<ClientBase, 'query'>,
  publication: string,
): Promise<Map<string, PublishedTable>> {
  const { rows } = await source.query<{ published: string }>(PUBLISHED_SQL, [publication]);
  return publishedTables(rows.map((row) => row.published));
}

/** The same as a statement, for whoever reads rows as lists of texts. */
export function publishedStatement(publication: string): { text: string; values: [string] } {
  return { text: PUBLISHED_SQL, values: [publication] };
}

export function publishedTables(documents: readonly string[]): Map<string, PublishedTable> {
  return new Map(
    documents.map((document) => {
      const { columns, filter, ...table } = JSON.parse(document);
      const published: PublishedTable = { ...table, columns: columns ?? undefined, filter: filter ?? undefined };
      return [displayName(published), published];
    }),
  );
}

/** True where rows or columns are left out. */
export function isNarrowed({ columns, filter, ordinaryColumns }: PublishedTable): boolean {
  return filter !== undefined || (columns !== undefined && ordinaryColumns.some((name) => !columns.includes(name)));
}
