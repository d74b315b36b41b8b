import { FerryError } from '../../core/errors.js';
import type { TableMapping } from '../../core/mapping.js';
import { displayName, type QualifiedName, type Relation } from '../../core/relation.js';
import { homeOf } from '../../platform/lineage-table.js';

/** A target column, as the target's catalog has it. */
export interface TargetColumn {
  readonly name: string;
  /** Type without length or precision: a cast to varchar(3) would cut a long value silently, an assignment refuses it. */
  readonly type: string;
  /** Its own type is a domain over that one, which some operators do not know. */
  readonly isDomain: boolean;
  /** The type's operator for equality; null where `=` means it. */
  readonly equal: string | null;
  /** Values that are equal have the same text; 1.0 and 1.00 do not. */
  readonly isEqualAsText: boolean;
  /** GENERATED ALWAYS AS IDENTITY: may be inserted, never updated. */
  readonly isIdentityAlways: boolean;
}

/** A target table, as the target's catalog has it. */
export interface TargetTable extends QualifiedName {
  readonly columns: ReadonlyMap<string, TargetColumn>;
  /** Columns of each unique index that may tell rows apart, in its order; the primary key first. */
  readonly keys: readonly (readonly string[])[];
  /** Columns that are NOT NULL and that the table fills with nothing by itself. */
  readonly required?: readonly string[];
  /** Tables inherit from it, which a statement on it must not touch. */
  readonly hasInheritingTables?: boolean;
}

/** How the tuples of one relation version meet their target table. */
export interface TableShape {
  readonly relation: Relation;
  /** The source table, for the ledger. */
  readonly source: string;
  /** The target table, for the ledger and for messages. */
  readonly name: string;
  readonly table: TargetTable;
  /** Target columns in tuple order. */
  readonly columns: readonly TargetColumn[];
  /** Target columns by which a row is found, in the order of their index; empty for a table without a key. */
  readonly key: readonly string[];
  /** Their tuple indexes. */
  readonly keyIndexes: readonly number[];
  /** Where other relations bring rows of the same table, or columns of its rows. */
  readonly join?: Join;
  /** The table has columns beside these. */
  readonly hasMore?: true;
  /** It is what several relations have in common. */
  readonly isJoined?: true;
}

/** How the tuples of one of several relations meet the table that they have in common. */
export interface Join {
  readonly role: NonNullable<TableMapping['join']>;
  /** Of all columns of the table; the same for each of the relations. */
  readonly whole: TableShape;
  /** By tuple index the index in the whole's tuples. */
  readonly places: readonly number[];
}

/**
 * @param whole what another relation has in common with this one; undefined for the first.
 * @throws FerryError `target-unfit` where the two find rows by different keys.
 */
export function joined(shape: TableShape, role: Join['role'], whole: TableShape = wholeOf(shape)): TableShape {
  if (shape.key.join() !== whole.key.join()) {
    const [one, other] = [shape, whole].map(({ source, key }) => `${source} by (${key.join(', ')})`);
    throw new FerryError('target-unfit', `rows of the target table ${shape.name} are found of ${one}, of ${other}`, {
      details: { table: shape.name },
    });
  }
  const places = shape.columns.map(({ name }) => whole.columns.findIndex((column) => column.name === name));
  return { ...shape, join: { role, whole, places } };
}

function wholeOf(shape: TableShape): TableShape {
  const columns = [...shape.table.columns.values()];
  const keyIndexes = shape.key.map((key) => columns.findIndex(({ name }) => name === key));
  return { ...shape, columns, keyIndexes, isJoined: true };
}

/** Rows of such a table are told apart by nothing but their values: they are counted. */
export function isKeyless(shape: TableShape): boolean {
  return shape.key.length === 0;
}

/** @throws FerryError `target-unfit` naming the table or column that the target lacks. */
export function shapeOf(relation: Relation, table: TargetTable | undefined): TableShape {
  const home = homeOf(relation);
  // Rows of merged tables are told apart with their table.
  const name = home === relation ? displayName(relation) : home.table;
  if (!table) throw new FerryError('target-unfit', `the target has no table ${name}`, { details: { table: name } });
  const columns = relation.columns.map((column) => {
    const found = table.columns.get(column.name);
    if (found) return found;
    throw new FerryError('target-unfit', `the target table ${name} has no column ${column.name}`, {
      details: { table: name, column: column.name },
    });
  });
  // Candidates are found by the key that their rows have in the source, as one value.
  const rowKey = home === relation ? rowKeyOf(relation) : [];
  const key = chooseKey({ relation, rowKey }, table, name);
  const keyIndexes = key.map((column) => relation.columns.findIndex(({ name }) => name === column));
  const shape = { relation, source: relation.source ?? name, name, table, columns, key, keyIndexes };
  // What candidates have beside their row is said anew for another key.
  return home === relation && table.columns.size > columns.length ? { ...shape, hasMore: true } : shape;
}

/** The primary key of the source; empty where the log does not say. */
function rowKeyOf({ columns }: Relation): string[] {
  return columns.filter(({ key, declared }) => key && declared?.inKey).map(({ name }) => name);
}

interface Keyed {
  readonly relation: Relation;
  /** What tells rows apart in the source. */
  readonly rowKey: readonly string[];
}

/**
 * The key of the target whose columns every change carries, that of a deleted row too, and that tells all rows apart
 * which the source does: the primary one before others.
 */
function chooseKey({ relation, rowKey }: Keyed, table: TargetTable, name: string): readonly string[] {
  const carried = relation.columns.filter((column) => column.key).map((column) => column.name);
  if (carried.length === 0) return [];
  const known = table.keys.filter((key) => key.every((column) => carried.includes(column)));
  const found = known.find((key) => rowKey.every((column) => key.includes(column)));
  if (found) return found;
  if (known[0]) throw tooNarrow({ relation, rowKey }, known[0], name);
  const unknown = table.keys[0]?.find((column) => !carried.includes(column));
  throw new FerryError(
    'target-unfit',
    unknown === undefined
      ? `the target table ${name} has no primary key`
      : `the source gives no value for ${unknown}, a key column of the target table ${name}`,
    { details: { table: name } },
  );
}

function tooNarrow({ relation, rowKey }: Keyed, key: readonly string[], name: string): FerryError {
  const ofSource = rowKey.join(', ');
  return new FerryError(
    'target-unfit',
    `the target table ${name} tells rows apart by (${key.join(', ')}), the source by (${ofSource}): several would become one`,
    {
      details: { table: name },
      remedy: `ferry table resnapshot ${relation.source ?? name}, if this is the source's key by now; or give it the key (${ofSource}).`,
    },
  );
}
