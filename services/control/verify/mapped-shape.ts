import { FerryError } from '../../../core/errors.js';
import { onlyValues } from '../../../core/mapping/demands.js';
import { RowMapper } from '../../../core/mapping/row-mapper.js';
import type { RuleKit } from '../../../core/mapping/rule-kit.js';
import { movedName, outputsOf } from '../../../core/mapping/table-rules.js';
import { formatPlace, LINEAGE_KEY, type TableMapping } from '../../../core/mapping.js';
import { displayName, type Relation } from '../../../core/relation.js';
import { quoteIdentifier } from '../../../platform/postgres.js';
import type { MappedRows } from './mapped-reader.js';
import type { ColumnCatalog, TableCatalog } from './table-catalog.js';

/** What a table with rules is compared by. */
export interface MappedPlan extends MappedRows {
  /** The compared columns by their names in the target, in the order of the hashes. */
  readonly columns: readonly string[];
  /** SQL of the columns that are read, and of those that are compared. */
  readonly source: readonly string[];
  readonly target: readonly string[];
}

interface Sides {
  readonly source: TableCatalog;
  readonly target: TableCatalog;
}

/** @throws FerryError `mapping-invalid` for rules that do not fit the source, `target-unfit` when the target lacks a column. */
export function planMapped(mapping: TableMapping, { source, target }: Sides, kit: RuleKit): MappedPlan {
  const read = source.columns.filter(({ generated }) => !generated);
  const values = onlyValues(mapping.rules?.where?.condition);
  const lost = read.find(
    ({ name, keyPlace }) => keyPlace !== undefined && movedName(mapping, name) === undefined && !values.has(name),
  );
  if (lost && lost.name !== LINEAGE_KEY && !mapping.lineage) throw lostKey(mapping, lost.name);
  const mapper = new RowMapper(relationOf(source, read), mapping, kit);
  const inTarget = new Map(target.columns.map((column) => [column.name, column]));
  const outputs = outputsOf(
    mapping,
    read.map(({ name }) => name),
  );
  const missing = outputs.filter(({ name }) => !inTarget.has(name)).map(({ name }) => name);
  if (missing.length > 0) {
    throw new FerryError(
      'target-unfit',
      `the target table ${displayName(mapping.target)} has no column ${missing.join(', ')}`,
    );
  }
  const compared = outputs.flatMap(({ name }, i) => (inTarget.get(name)!.generated ? [] : [i]));
  const columns = compared.map((i) => inTarget.get(outputs[i]!.name)!);
  const bare = ({ name }: ColumnCatalog) => `t.${quoteIdentifier(name)}`;
  return {
    mapper,
    compared,
    types: columns.map(readType),
    columns: columns.map(({ name }) => name),
    source: read.map(bare),
    target: columns.map(bare),
  };
}

function lostKey({ source, place }: TableMapping, column: string): FerryError {
  return new FerryError(
    'mapping-invalid',
    `${formatPlace(place)}: the key column ${displayName(source)}.${column} must move as it is: rows are found by it`,
  );
}

function relationOf({ name }: TableCatalog, columns: readonly ColumnCatalog[]): Relation {
  return {
    ...name,
    id: 0,
    // Rows are read whole.
    identity: 'f',
    columns: columns.map((column) => ({
      name: column.name,
      type: column.oid,
      typmod: -1,
      key: column.keyPlace !== undefined,
    })),
  };
}

/** A cast to varchar(n) or bit(n) cuts, which would hide exactly what is looked for; char(n) is compared with its padding. */
function readType({ type, plainType, category }: ColumnCatalog): string {
  const isCut = (category === 'S' || category === 'V') && plainType !== 'character';
  return isCut ? plainType : type;
}
