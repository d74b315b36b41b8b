import { FerryError } from '../../core/errors.js';
import { displayName, type QualifiedName, type Relation } from '../../core/relation.js';

/** A target column, as the target's catalog has it. */
export interface TargetColumn {
  readonly name: string;
  /** Type without length or precision: a cast to varchar(3) would cut a long value silently, an assignment refuses it. */
  readonly type: string;
  /** Its own type is a domain over that one, which some operators do not know. */
  readonly isDomain: boolean;
  /** The type's operator for equality; null where `=` means it. */
  readonly equal: string | null;
  /** GENERATED ALWAYS AS IDENTITY: may be inserted, never updated. */
  readonly isIdentityAlways: boolean;
}

/** A target table, as the target's catalog has it. */
export interface TargetTable extends QualifiedName {
  readonly columns: ReadonlyMap<string, TargetColumn>;
  /** Columns of the primary key, in key order; empty when there is none. */
  readonly key: readonly string[];
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
  /** Tuple indexes of the key, in the target's key order. */
  readonly keyIndexes: readonly number[];
}

/** @throws FerryError `target-unfit` naming the table or column that the target lacks. */
export function shapeOf(relation: Relation, table: TargetTable | undefined): TableShape {
  const name = displayName(relation);
  if (!table) throw new FerryError('target-unfit', `the target has no table ${name}`, { details: { table: name } });
  const columns = relation.columns.map((column) => {
    const found = table.columns.get(column.name);
    if (found) return found;
    throw new FerryError('target-unfit', `the target table ${name} has no column ${column.name}`, {
      details: { table: name, column: column.name },
    });
  });
  const keyIndexes = table.key.map((key) => relation.columns.findIndex((column) => column.name === key));
  if (keyIndexes.length === 0 || keyIndexes.includes(-1)) {
    throw new FerryError(
      'target-unfit',
      keyIndexes.length === 0
        ? `the target table ${name} has no primary key`
        : `the source gives no value for ${table.key[keyIndexes.indexOf(-1)]}, a key column of the target table ${name}`,
      { details: { table: name } },
    );
  }
  return { relation, source: relation.source ?? name, name, table, columns, keyIndexes };
}
