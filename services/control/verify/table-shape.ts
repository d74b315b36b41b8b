import { FerryError } from '../../../core/errors.js';
import { onlyValues } from '../../../core/mapping/demands.js';
import type { RuleKit } from '../../../core/mapping/rule-kit.js';
import { movedName, namedColumns } from '../../../core/mapping/table-rules.js';
import { formatPlace, LINEAGE_KEY, type TableMapping } from '../../../core/mapping.js';
import { displayName } from '../../../core/relation.js';
import { quoteIdentifier, quoteLiteral, quoteName } from '../../../platform/postgres.js';
import { comparable, comparableKey } from './column-pair.js';
import { type OtherKeys, planCandidates, planLineage } from './lineage-shape.js';
import type { MappedRows } from './mapped-reader.js';
import { planMapped } from './mapped-shape.js';
import { hashOf } from './row-hash.js';
import type { ColumnCatalog, TableCatalog } from './table-catalog.js';

/** How both sides of a mapped table are read, so that equal rows give equal keys and hashes. */
export interface TableShape {
  readonly mapping: TableMapping;
  /** The compared columns by their names in the source, in the order of the hashes. */
  readonly columns: readonly string[];
  /** Rows are told apart by the hash of their values, and those that are equal are counted. */
  readonly isKeyless: boolean;
  /** What changes of the source carry: its key columns, in index order. */
  readonly keyColumns: readonly KeyColumn[];
  readonly source: SideShape;
  readonly target: SideShape;
  readonly estimatedRows: number | undefined;
  /** Of a table with rules: `source` has the columns that these read, and `columns` are names of the target. */
  readonly mapped?: MappedRows;
  /** Of a table with lineage: `target` has its candidates; `source` in a way back. */
  readonly otherKeys?: OtherKeys;
}

export interface KeyColumn {
  readonly name: string;
  /** As SQL, with its modifier; of a domain the type that it is over. */
  readonly type: string;
  /** The one value that all compared rows have, for `where` says so: the column stays behind, and is no part of compared keys. */
  readonly value?: string;
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
 * @param own of a way back: values that the key's columns of the target have in all rows of this mapping.
 * @throws FerryError `mapping-invalid` for a column that the source has not, or rules that do not fit,
 * `target-unfit` when the target lacks a column.
 */
export function planShape(
  mapping: TableMapping,
  source: TableCatalog,
  target: TableCatalog,
  kit: RuleKit,
  own: ReadonlyMap<string, string> = new Map(),
): TableShape {
  refuseUnknownColumns(mapping, source);
  if (mapping.lineage) return planLineage(mapping, { source, target, from: `${comparedRows(source)} AS t` }, kit);
  if (source.columns.some(({ name, keyPlace }) => name === LINEAGE_KEY && keyPlace !== undefined)) {
    const from = { source: `${comparedRows(source)} AS t`, target: `${comparedRows(target)} AS t` };
    return planCandidates(mapping, { source, target, from }, kit);
  }
  const pairs = pairColumns(mapping, source, target);
  const compared = pairs.filter((pair) => !pair.source.generated && !pair.target.generated);
  const columns = compared.map((pair) => comparable(pair.source, pair.target));
  const keyed = keyPairs(pairs);
  const key = keyed.map((pair) => comparableKey(pair.source, pair.target));
  const keyColumns = keyColumnsOf(mapping, source);
  const kept = {
    source: keyColumns,
    target: target.columns.flatMap(({ name, type, keyPlace }) =>
      keyPlace !== undefined && own.has(name) ? [{ name, type, value: own.get(name)! }] : [],
    ),
  };
  const recode = source.encoding !== target.encoding;
  const mapped = mapping.rules && planMapped(mapping, { source, target }, kit);
  const sideShape = (side: 'source' | 'target', catalog: TableCatalog): SideShape => ({
    from: `${comparedRows(catalog, kept[side])} AS t`,
    columns: mapped ? mapped[side] : columns.map((column) => column[side]),
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
    columns: mapped ? mapped.columns : compared.map((pair) => pair.source.name),
    isKeyless: key.length === 0,
    keyColumns,
    source: sideShape('source', source),
    target: sideShape('target', target),
    estimatedRows: source.estimatedRows,
    ...(mapped ? { mapped } : {}),
  };
}

/** @param keyColumns with one value: so the others tell rows apart, and are in order in the key's index. */
function comparedRows({ only, name, filter }: TableCatalog, keyColumns: readonly KeyColumn[] = []): string {
  const table = `${only ? 'ONLY ' : ''}${quoteName(name)}`;
  const values = keyColumns.flatMap(({ name, value }) =>
    value === undefined ? [] : [`${quoteIdentifier(name)} = ${quoteLiteral(value)}`],
  );
  const filters = [...(filter === undefined ? [] : [`(${filter})`]), ...values];
  if (filters.length === 0) return table;
  // The system columns tell one version of a row from the next.
  return `(SELECT tableoid, ctid, xmin, * FROM ${table} WHERE ${filters.join(' AND ')})`;
}

function keyColumnsOf(mapping: TableMapping, { columns }: TableCatalog): KeyColumn[] {
  const values = onlyValues(mapping.rules?.where?.condition);
  return columns
    .filter(({ keyPlace }) => keyPlace !== undefined)
    .sort((a, b) => a.keyPlace! - b.keyPlace!)
    .map(({ name, type }) => {
      const value = movedName(mapping, name) === undefined ? values.get(name) : undefined;
      return { name, type, ...(value === undefined ? {} : { value }) };
    });
}

function refuseUnknownColumns(mapping: TableMapping, source: TableCatalog): void {
  for (const { column: name, place } of namedColumns(mapping)) {
    if (source.columns.some((column) => column.name === name)) continue;
    throw new FerryError(
      'mapping-invalid',
      `${formatPlace(place)}: ${displayName(mapping.source)} has no column ${name}`,
    );
  }
}

function pairColumns(mapping: TableMapping, source: TableCatalog, target: TableCatalog): Pair[] {
  const inTarget = new Map(target.columns.map((column) => [column.name, column]));
  const pairs: Pair[] = [];
  const missing: string[] = [];
  for (const column of source.columns) {
    const name = movedName(mapping, column.name);
    if (name === undefined) continue;
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
