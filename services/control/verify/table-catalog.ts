import { FerryError } from '../../../core/errors.js';
import { displayName, type QualifiedName } from '../../../core/relation.js';
import { quoteName } from '../../../platform/postgres.js';
import { publishedStatement, publishedTables } from '../../../platform/published-tables.js';
import type { Session, TextRow } from './session.js';

/** One side's table, as its catalog describes it. */
export interface TableCatalog {
  readonly name: QualifiedName;
  /** Whether tables that inherit from it are not its rows: of every table but a partitioned one. */
  readonly only: boolean;
  /** Condition, as SQL, of the rows that are compared. */
  readonly filter?: string;
  /** The planner's estimate; undefined when there are no statistics yet. */
  readonly estimatedRows: number | undefined;
  /** Of the database: the hash is over its bytes. */
  readonly encoding: string;
  readonly columns: readonly ColumnCatalog[];
}

/** A column. A domain is described by the type that it is over. */
export interface ColumnCatalog {
  readonly name: string;
  /** OID of its own type. */
  readonly oid: number;
  /** As SQL, with its modifier: `numeric(10,2)`. */
  readonly type: string;
  /** As SQL, without modifier: `numeric`. */
  readonly plainType: string;
  /** `pg_type.typcategory`: N numeric, S string, V bit string, E enum ... */
  readonly category: string;
  /** The type stands in pg_catalog: it is the same on both sides. */
  readonly builtin: boolean;
  /** The labels of an enum, in order. */
  readonly labels: string | undefined;
  readonly generated: boolean;
  /** Place in the key, from 1; undefined outside it. */
  readonly keyPlace: number | undefined;
  readonly collation: Collation | undefined;
}

/** What decides the order of a text column. */
export interface Collation {
  /** c libc, i ICU, b built in. */
  readonly provider: string;
  readonly locale: string;
  /** Of the library, as it is now; undefined when it is not known. */
  readonly version: string | undefined;
}

/** Before 15 a database does not tell the version of its default collation. */
const databaseVersion = (serverVersion: number) =>
  serverVersion >= 150_000 ? 'pg_catalog.pg_database_collation_actual_version(d.oid)' : 'NULL';

const catalogSql = (serverVersion: number) => `
SELECT a.attname,
       pg_catalog.format_type(b.oid, CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE a.atttypmod END),
       pg_catalog.format_type(b.oid, -1),
       b.typcategory,
       b.typnamespace = 'pg_catalog'::regnamespace,
       (SELECT pg_catalog.json_agg(e.enumlabel ORDER BY e.enumsortorder)
          FROM pg_catalog.pg_enum e WHERE e.enumtypid = b.oid),
       a.attgenerated <> '',
       (SELECT k.place FROM pg_catalog.unnest(i.indkey) WITH ORDINALITY AS k (attnum, place)
         WHERE k.attnum = a.attnum AND k.place <= i.indnkeyatts),
       CASE WHEN o.collprovider = 'd' THEN coalesce(d.row->>'datlocprovider', 'c') ELSE o.collprovider::text END,
       CASE WHEN o.collprovider <> 'd' THEN coalesce(o.row->>'colllocale', o.row->>'colliculocale', o.collcollate)
            WHEN d.row->>'datlocprovider' <> 'c' THEN coalesce(d.row->>'datlocale', d.row->>'daticulocale')
            ELSE d.row->>'datcollate' END,
       CASE WHEN o.collprovider = 'd' THEN ${databaseVersion(serverVersion)}
            ELSE pg_catalog.pg_collation_actual_version(o.oid) END,
       c.relkind, c.reltuples::bigint, pg_catalog.getdatabaseencoding(),
       a.atttypid
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
  JOIN pg_catalog.pg_type b ON b.oid = CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END
  CROSS JOIN (SELECT oid, to_jsonb(r) AS row FROM pg_catalog.pg_database r
               WHERE datname = pg_catalog.current_database()) d
  LEFT JOIN (SELECT r.*, to_jsonb(r) AS row FROM pg_catalog.pg_collation r) o ON o.oid = a.attcollation
  LEFT JOIN LATERAL (
       SELECT indkey, indnkeyatts FROM pg_catalog.pg_index
        WHERE indrelid = c.oid AND (indisprimary OR indisreplident) AND indisvalid
        ORDER BY indisprimary DESC LIMIT 1) i ON true
 WHERE c.oid = pg_catalog.to_regclass($1)
 ORDER BY a.attnum`;

/**
 * Reads columns, key and collations of one table. The key is the primary key, or else the replica identity's index.
 * @param publication whose row filter and column list say what of the table there is to compare.
 * @throws FerryError `source-unfit` or `target-unfit` when the table is not there.
 */
export async function readTableCatalog(
  session: Session,
  name: QualifiedName,
  publication?: string,
): Promise<TableCatalog> {
  const [version] = await session.read({ text: 'SHOW server_version_num', values: [] });
  const rows = await session.read({ text: catalogSql(Number(version![0])), values: [quoteName(name)] });
  const first = rows[0];
  if (!first) throw new FerryError(`${session.side}-unfit`, `the ${session.side} has no table ${displayName(name)}`);
  const [relkind, tuples, encoding] = first.slice(11);
  const published = publication === undefined ? undefined : await readPublished(session, name, publication);
  const isListed = (column: ColumnCatalog) => !published?.columns || published.columns.includes(column.name);
  return {
    name,
    only: relkind !== 'p',
    estimatedRows: Number(tuples) < 0 ? undefined : Number(tuples),
    encoding: encoding!,
    columns: rows.map(toColumn).filter((column) => column.generated || isListed(column)),
    ...(published?.filter === undefined ? {} : { filter: published.filter }),
  };
}

async function readPublished(session: Session, name: QualifiedName, publication: string) {
  const rows = await session.read(publishedStatement(publication));
  return publishedTables(rows.map(([document]) => document!)).get(displayName(name));
}

function toColumn(row: TextRow): ColumnCatalog {
  const [name, type, plainType, category, builtin, labels, generated, keyPlace, provider, locale, version] = row;
  return {
    name: name!,
    oid: Number(row.at(-1)),
    type: type!,
    plainType: plainType!,
    category: category!,
    builtin: builtin === 't',
    labels: labels ?? undefined,
    generated: generated === 't',
    keyPlace: keyPlace == null ? undefined : Number(keyPlace),
    collation: provider == null ? undefined : { provider, locale: locale ?? '', version: version ?? undefined },
  };
}
