import type { ClientBase } from 'pg';
import { columnsToSample, type LikePair, likePairs } from '../../../core/inspect/near-duplicates.js';
import type { TableFacts } from '../../../core/inspect/table-facts.js';
import { displayName } from '../../../core/relation.js';
import type { LeftTable } from '../init/assign-tables.js';
import { readSourceParts } from '../init/read-source-parts.js';
import type { BehaviorPart, ColumnPart } from '../init/source-parts.js';
import type { Catalog, CatalogTable } from '../preflight/catalog.js';
import { readCatalog, readTableBytes } from '../preflight/read-catalog.js';
import { type ActivityReading, readActivity } from './activity.js';
import { readSourceFacts } from './read-source-facts.js';
import { type SampleProgress, type Sampling, sampleValues } from './sample-values.js';
import { isTable, outOfScope, platformSchemas } from './scope.js';
import type { SourceFacts } from './source-facts.js';
import { countRows, isReadable, type RowCount, tableFacts } from './table-facts.js';

/** All that was read of the source, in one snapshot of it. */
export interface SourceReading {
  readonly catalog: Catalog;
  readonly facts: SourceFacts;
  /** Tables that a domain is proposed for. */
  readonly tables: readonly CatalogTable[];
  /** The others, and why. */
  readonly outside: readonly LeftTable[];
  readonly behaviors: readonly BehaviorPart[];
  /** Of all tables, by OID. */
  readonly bytes: ReadonlyMap<number, number>;
  readonly rows: ReadonlyMap<number, RowCount>;
  readonly activity: ActivityReading;
  readonly tableFacts: readonly TableFacts[];
  readonly pairs: readonly LikePair[];
  readonly sampling: Sampling;
}

/** What is being done, for who waits. */
export type OnProgress = (step: { readonly doing: string; readonly sample?: SampleProgress }) => void;

/** Nobody's application shall wait for our look at a few rows. */
const SAMPLE_TIMEOUT_MS = 5_000;

/**
 * Reads the source in one transaction that can write nothing.
 * @param client a session without a transaction.
 */
export async function readSource(client: ClientBase, onProgress: OnProgress): Promise<SourceReading> {
  await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
  try {
    return await readAll(client, onProgress);
  } finally {
    await client.query('ROLLBACK');
  }
}

async function readAll(client: ClientBase, onProgress: OnProgress): Promise<SourceReading> {
  onProgress({ doing: 'reading the catalog' });
  const activity = await readActivity(client);
  const catalog = await readCatalog(client);
  const facts = await readSourceFacts(client);
  const all = [...catalog.tables.values()].filter(isTable);
  const platform = platformSchemas(facts.roles);
  const tables = all.filter((table) => outOfScope(table, platform) === undefined);
  const oids = tables.map(({ oid }) => oid);
  const { behaviors, columns } = await readSourceParts(client, oids);
  const bytes = await readTableBytes(
    client,
    all.map(({ oid }) => oid),
  );
  await client.query(`SELECT pg_catalog.set_config('statement_timeout', '${SAMPLE_TIMEOUT_MS}', true)`);
  onProgress({ doing: 'counting rows' });
  const rows = await countRows(client, all, activity);
  const own = tables.map((table) => tableFacts(table, rows.get(table.oid)?.rows ?? null, defaultsOf(table, columns)));
  const pairs = likePairs(own, facts.foreignKeys);
  const sampling = await sampleValues(client, readableOnly(columnsToSample(pairs), catalog), (sample) =>
    onProgress({ doing: 'comparing values', sample }),
  );
  return {
    ...{ catalog, facts, tables, behaviors, bytes, rows, activity, tableFacts: own, pairs, sampling },
    outside: all.flatMap((table) => {
      const reason = outOfScope(table, platform);
      return reason === undefined ? [] : [{ table: displayName(table), reason }];
    }),
  };
}

/** Defaults of a table's columns, as SQL. */
function defaultsOf({ oid }: CatalogTable, columns: readonly ColumnPart[]): Map<string, string> {
  const own = columns.filter(({ table, generated }) => table === oid && generated === '');
  return new Map(own.flatMap(({ name, expression }) => (expression === null ? [] : [[name, expression] as const])));
}

/** Tables whose rows are here, and which our role may read. */
function readableOnly(
  wanted: ReadonlyMap<TableFacts, readonly string[]>,
  { tables }: Catalog,
): Map<TableFacts, readonly string[]> {
  return new Map(
    [...wanted].filter(([{ name }]) => {
      const table = tables.get(name)!;
      return table.kind !== 'f' && isReadable(table);
    }),
  );
}
