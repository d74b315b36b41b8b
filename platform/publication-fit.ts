import type { ClientBase } from 'pg';
import { displayName, type QualifiedName } from '../core/relation.js';
import { quoteIdentifier, quoteName } from './postgres.js';
import { isNarrowed, type PublishedTable, readPublishedTables } from './published-tables.js';

/** What keeps a publication from being captured, and the statement that changes it. */
export interface PublicationFault {
  /** The table; absent when it is the publication itself. */
  readonly table?: string;
  readonly message: string;
  readonly remedy: string;
}

export interface PublicationFit {
  readonly published: ReadonlyMap<string, PublishedTable>;
  readonly faults: readonly PublicationFault[];
}

interface Options {
  readonly missing: readonly string[];
  readonly generated: boolean;
}

/**
 * Looks whether a publication publishes every change of the tables, and so that the snapshot can read the same rows.
 * @returns undefined when there is none of the name.
 */
export async function readPublicationFit(
  source: ClientBase,
  publication: string,
  tables: readonly QualifiedName[],
): Promise<PublicationFit | undefined> {
  const { rows } = await source.query<{ missing: string; generated: string | null }>(
    `SELECT json_build_array(CASE WHEN NOT pubinsert THEN 'insert' END, CASE WHEN NOT pubupdate THEN 'update' END,
              CASE WHEN NOT pubdelete THEN 'delete' END, CASE WHEN NOT pubtruncate THEN 'truncate' END) AS missing,
            to_jsonb(p) ->> 'pubgencols' AS generated
       FROM pg_catalog.pg_publication p WHERE pubname = $1`,
    [publication],
  );
  const [found] = rows;
  if (!found) return undefined;
  const published = await readPublishedTables(source, publication);
  const lacking = tables.filter((table) => !published.has(displayName(table)));
  const relatives = await readRelatives(source, lacking);
  const options = {
    missing: (JSON.parse(found.missing) as (string | null)[]).filter((name) => name !== null),
    generated: (found.generated ?? 'n') !== 'n',
  };
  return {
    published,
    faults: [
      ...optionFaults(publication, options),
      ...lackingFaults(publication, lacking, published, relatives),
      ...tables.flatMap((table) => narrowedFaults(publication, published.get(displayName(table)))),
    ],
  };
}

function optionFaults(publication: string, { missing, generated }: Options): PublicationFault[] {
  const set = `ALTER PUBLICATION ${quoteIdentifier(publication)} SET`;
  return [
    ...(missing.length > 0
      ? [
          {
            message: `the publication ${publication} does not publish ${missing.join(', ')}`,
            remedy: `${set} (publish = 'insert, update, delete, truncate')`,
          },
        ]
      : []),
    ...(generated
      ? [
          {
            message: `the publication ${publication} publishes generated columns, which the target computes itself`,
            remedy: `${set} (publish_generated_columns = none)`,
          },
        ]
      : []),
  ];
}

/** Tables above and below in a partition tree. */
type Relatives = ReadonlyMap<string, readonly string[]>;

async function readRelatives(source: ClientBase, tables: readonly QualifiedName[]): Promise<Relatives> {
  const found = new Map<string, string[]>();
  for (const table of tables) {
    const { rows } = await source.query<{ schema: string; table: string }>(
      `SELECT n.nspname AS schema, c.relname AS table FROM pg_catalog.pg_class c
         JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE c.oid <> pg_catalog.to_regclass($1) AND c.oid IN (
          SELECT relid FROM pg_catalog.pg_partition_tree(pg_catalog.to_regclass($1))
          UNION ALL SELECT relid FROM pg_catalog.pg_partition_ancestors(pg_catalog.to_regclass($1)))`,
      [quoteName(table)],
    );
    found.set(displayName(table), rows.map(displayName));
  }
  return found;
}

function lackingFaults(
  publication: string,
  lacking: readonly QualifiedName[],
  published: PublicationFit['published'],
  relatives: Relatives,
): PublicationFault[] {
  const name = quoteIdentifier(publication);
  const through = (table: QualifiedName) => relatives.get(displayName(table))?.find((other) => published.has(other));
  const plain = lacking.filter((table) => !through(table));
  return [
    ...(plain.length > 0
      ? [
          {
            message: `the publication ${publication} lacks ${plain.map(displayName).join(', ')}`,
            remedy: `ALTER PUBLICATION ${name} ADD TABLE ${plain.map((table) => `ONLY ${quoteName(table)}`).join(', ')}`,
          },
        ]
      : []),
    ...lacking.filter(through).map((table) => ({
      table: displayName(table),
      message: `the publication ${publication} publishes changes of ${displayName(table)} as those of ${through(table)}`,
      remedy: `Map either the partitioned table, with ALTER PUBLICATION ${name} SET (publish_via_partition_root = true), or its partitions, with false.`,
    })),
  ];
}

/** Where PostgreSQL itself would refuse the application's UPDATE and DELETE, or the target the rows. */
function narrowedFaults(publication: string, table: PublishedTable | undefined): PublicationFault[] {
  if (!table || !isNarrowed(table)) return generatedFaults(publication, table);
  const { columns, filter, identity } = table;
  const name = displayName(table);
  const identityColumns = identity === 'f' ? table.ordinaryColumns : table.identityColumns;
  const beyond = filter ? table.filterColumns.filter((column) => !identityColumns.includes(column)) : [];
  const leftOut = columns ? identityColumns.filter((column) => !columns.includes(column)) : [];
  return [
    ...generatedFaults(publication, table),
    ...(beyond.length > 0
      ? [
          {
            table: name,
            message: `the row filter of ${name} in ${publication} reads ${beyond.join(', ')}, which its replica identity lacks: the source refuses UPDATE and DELETE`,
            remedy: `ALTER TABLE ${quoteName(table)} REPLICA IDENTITY FULL`,
          },
        ]
      : []),
    ...(leftOut.length > 0
      ? [
          {
            table: name,
            message: `the column list of ${name} in ${publication} leaves out ${leftOut.join(', ')} of its replica identity: the source refuses UPDATE and DELETE`,
            remedy: `Publish ${name} with these columns too${identity === 'f' ? ', or without REPLICA IDENTITY FULL' : ''}.`,
          },
        ]
      : []),
  ];
}

function generatedFaults(publication: string, table: PublishedTable | undefined): PublicationFault[] {
  // Without a list, PostgreSQL 15 names generated columns too, and does not publish them.
  if (!table?.isListed) return [];
  const listed = table.columns?.filter((column) => table.generatedColumns.includes(column)) ?? [];
  if (listed.length === 0) return [];
  const name = displayName(table);
  return [
    {
      table: name,
      message: `the column list of ${name} in ${publication} has ${listed.join(', ')}, which the target computes itself`,
      remedy: `Publish ${name} without its generated columns.`,
    },
  ];
}
