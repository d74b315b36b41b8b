import type { RowLine, Tuple } from '../../core/record.js';
import type { TableShape } from './table-shape.js';

/** The net effect on one row: gone, whole, or only the columns that are not `false`. */
export type NetChange =
  | { readonly kind: 'delete'; readonly key: Tuple }
  | { readonly kind: 'upsert' | 'update'; readonly row: Tuple };

/** Net changes of one table by row key: at most one a key, so that they can be written in any order. */
export interface ChangeSet {
  readonly shape: TableShape;
  readonly changes: Map<string, NetChange>;
}

/** A key change of a row that is not known whole: the target has the missing values, so the row must be moved there. */
export interface Move {
  readonly shape: TableShape;
  /** Old row; only its key columns count. */
  readonly from: Tuple;
  readonly to: Tuple;
}

/**
 * Folds a row change into a change set: what came before for the same key and this become one.
 * @returns a move that must be written after the change set, which must then be closed; undefined when it is folded.
 */
export function fold(set: ChangeSet, event: RowLine): Move | undefined {
  const { shape, changes } = set;
  const old = event.key ?? event.old;
  if (event.op === 'd') {
    changes.set(keyOf(shape, old!), { kind: 'delete', key: old! });
    return undefined;
  }
  const row = event.new!;
  const key = keyOf(shape, row);
  if (event.op === 'c') {
    changes.set(key, { kind: 'upsert', row });
    return undefined;
  }
  const oldKey = old ? keyOf(shape, old) : key;
  const merged = merge(changes.get(oldKey), row);
  if (oldKey === key) {
    changes.set(key, merged);
    return undefined;
  }
  if (merged.kind === 'update') return { shape, from: old!, to: row };
  changes.set(oldKey, { kind: 'delete', key: old! });
  changes.set(key, merged);
  return undefined;
}

function merge(before: NetChange | undefined, row: Tuple): { kind: 'upsert' | 'update'; row: Tuple } {
  if (!row.includes(false)) return { kind: 'upsert', row };
  if (!before || before.kind === 'delete') return { kind: 'update', row };
  return { kind: before.kind, row: row.map((value, i) => (value === false ? before.row[i]! : value)) };
}

/** An injective text of a row's key. Key columns are never null and never unchanged. */
export function keyOf(shape: TableShape, row: Tuple): string {
  const { keyIndexes } = shape;
  if (keyIndexes.length === 1) return row[keyIndexes[0]!] as string;
  return JSON.stringify(keyIndexes.map((index) => row[index]));
}
