import { FerryError } from '../../../core/errors.js';
import { formatPlace, type TableMapping, targetColumn } from '../../../core/mapping.js';
import { displayName } from '../../../core/relation.js';
import { quoteName } from '../../../platform/postgres.js';
import { comparable, comparableKey } from './column-pair.js';
import { hashOf } from './row-hash.js';
import type { ColumnCatalog, TableCatalog } from './table-catalog.js';

/** How both sides of a mapped table are read, so that equal rows give equal keys and hashes. */
export interface TableShape {
  readonly mapping: TableMapping;
  /** The compared columns by their names in the source, in the order of the hashes. */
  readonly columns: readonly string[];
  /** Rows are told apart by the hash of their values, and those that are equal are counted. */
  readonly isKeyless: boolean;
  readonly source: SideShape;
  readonly target: SideShape;
  readonly estimatedRows: number | undefined;
}

/** SQL of one side. */
export interface SideShape {
  /** `ONLY "schema"."table" AS t`. */
  readonly from: string;
  /** One expression for each compared column. */
  readonly columns: readonly string[];
  /** In index order. */
  readonly key: readonly KeySql[];
  /** The databases differ in encoding, so the hash is over the text in UTF-8. */
  readonly recode: boolean;
}

export interface KeySql {
  readonly expression: string;
  readonly literalType: string;
}

interface Pair {
  readonly source: ColumnCatalog;
  readonly target: ColumnCatalog;
}

/**
 * Plans the comparison of one table. Generated columns are left out: each side computes its own.
 * @throws FerryError `mapping-invalid` for a renamed column that the source has not,
 * `target-unfit` when the target lacks a column.
 */
export function planShape(mapping: TableMapping, source: TableCatalog, target: TableCatalog): TableShape {
  refuseUnknownRenames(mapping, source);
  const pairs = pairColumns(mapping, source, target);
  const compared = pairs.filter((pair) => !pair.source.generated && !pair.target.generated);
  const columns = compared.map((pair) => comparable(pair.source, pair.target));
  const key = keyPairs(pairs).map((pair) => comparableKey(pair.source, pair.target));
  const recode = source.encoding !== target.encoding;
  const sideShape = (side: 'source' | 'target', catalog: TableCatalog): SideShape => ({
    from: `${comparedRows(catalog)} AS t`,
    columns: columns.map((column) => column[side]),
    key:
      key.length > 0
        ? key.map((column) => ({ expression: column[side], literalType: column.literalType[side] }))
        : [
            {
              expression: hashOf(
                columns.map((column) => column[side]),
                recode,
              ),
              literalType: 'bigint',
            },
          ],
    recode,
  });
  return {
    mapping,
    columns: compared.map((pair) => pair.source.name),
    isKeyless: key.length === 0,
    source: sideShape('source', source),
    target: sideShape('target', target),
    estimatedRows: source.estimatedRows,
  };
}

function comparedRows({ only, name, filter }: TableCatalog): string {
  const table = `${only ? 'ONLY ' : ''}${quoteName(name)}`;
  // The system columns tell one version of a row from the next.
  return filter === undefined ? table : `(SELECT tableoid, ctid, xmin, * FROM ${table} WHERE ${filter})`;
}

function refuseUnknownRenames(mapping: TableMapping, source: TableCatalog): void {
  for (const name of mapping.rename.keys()) {
    if (source.columns.some((column) => column.name === name)) continue;
    const place = formatPlace(mapping.columnPlaces.get(name) ?? mapping.place);
    throw new FerryError('mapping-invalid', `${place}: ${displayName(mapping.source)} has no column ${name}`);
  }
}

function pairColumns(mapping: TableMapping, source: TableCatalog, target: TableCatalog): Pair[] {
  const inTarget = new Map(target.columns.map((column) => [column.name, column]));
  const pairs: Pair[] = [];
  const missing: string[] = [];
  for (const column of source.columns) {
    const name = targetColumn(mapping, column.name);
    const found = inTarget.get(name);
    if (found) pairs.push({ source: column, target: found });
    else if (!column.generated) missing.push(name);
  }
  if (missing.length === 0) return pairs;
  throw new FerryError(
    'target-unfit',
    `the target table ${displayName(mapping.target)} has no column ${missing.join(', ')}`,
  );
}

function keyPairs(pairs: readonly Pair[]): Pair[] {
  return pairs
    .filter((pair) => pair.source.keyPlace !== undefined)
    .sort((a, b) => a.source.keyPlace! - b.source.keyPlace!);
}
