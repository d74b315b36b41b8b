import type { RowLine, Tuple, Value } from '../../core/record.js';
import { CopiedRows } from './copied-rows.js';
import type { TableShape } from './table-shape.js';

/**
 * The net effect on one row: gone, whole, or only the columns that are not `false`. One that is whole is an insert where the
 * target is known to have no such row, and others write there, too; one of which others bring the rest is partial.
 */
export type NetChange =
  | { readonly kind: 'delete'; readonly key: Tuple }
  | Upsert
  | { readonly kind: 'update' | 'insert' | 'partial'; readonly row: Tuple };

export interface Upsert {
  readonly kind: 'upsert';
  readonly row: Tuple;
}

/** Net changes of one table by row key: at most one a key, so that they can be written in any order. */
export interface ChangeSet {
  readonly shape: TableShape;
  readonly changes: Map<string, NetChange>;
  /** The rows that were taken as bytes; none until there is one. */
  copied?: CopiedRows;
  /** Commit time of the last change of each; only where others write to the target, too. */
  times?: Map<string, string>;
}

/** A key change of a row of which the target has more than is known here: the row must be moved there. */
export interface Move {
  readonly shape: TableShape;
  /** Old row; only its key columns count. */
  readonly from: Tuple;
  readonly to: Tuple;
  /** It has all that the source has, so that the row need not be there yet. */
  readonly isWhole?: true;
  /** Commit time; only where others write to the target, too. */
  readonly at?: string;
}

/**
 * Folds a row change into a change set: what came before for the same key and this become one.
 * @param at commit time of the change.
 * @returns a move that must be written after the change set, which must then be closed; undefined when it is folded.
 */
export function fold(set: ChangeSet, event: RowLine, at?: string): Move | undefined {
  const { shape, changes } = set;
  const old = event.key ?? event.old;
  if (event.op === 'd') {
    put(set, keyOf(shape, old!), { kind: 'delete', key: old! }, at);
    return undefined;
  }
  const row = event.new!;
  const key = keyOf(shape, row);
  if (event.op === 'c') {
    put(set, key, { kind: 'upsert', row }, at);
    return undefined;
  }
  const oldKey = old ? keyOf(shape, old) : key;
  const merged = merge(changes.get(oldKey), row);
  if (oldKey === key) {
    put(set, key, merged, at);
    return undefined;
  }
  const move = { shape, from: old!, to: merged.row, ...(at === undefined ? {} : { at }) };
  if (merged.kind === 'update') return move;
  if (shape.hasMore) return { ...move, isWhole: true };
  put(set, oldKey, { kind: 'delete', key: old! }, at);
  put(set, key, merged, at);
  return undefined;
}

/**
 * Folds a create, or an update that changes no key, which a record's line says whole; without reading its values.
 * @param at behind the bracket that opens its array. @param end of the line.
 * @returns false, and folds nothing, where the values must be read.
 */
export function foldWhole(set: ChangeSet, record: Buffer, at: number, end: number): boolean {
  set.copied ??= new CopiedRows();
  const { copied, shape } = set;
  const row = copied.add(record, at, end);
  if (!row) return false;
  set.changes.set(
    keyText(shape, (index) => copied.field(index)),
    row,
  );
  return true;
}

function put(set: ChangeSet, key: string, change: NetChange, at: string | undefined): void {
  set.changes.set(key, change);
  if (at === undefined) return;
  set.times ??= new Map();
  set.times.set(key, at);
}

function merge(before: NetChange | undefined, row: Tuple): { kind: 'upsert' | 'update'; row: Tuple } {
  if (!row.includes(false)) return { kind: 'upsert', row };
  if (!before || before.kind === 'delete') return { kind: 'update', row };
  return { kind: before.kind === 'update' ? 'update' : 'upsert', row: over(before, row) };
}

/** What is known of a row by a change behind another one. */
export function over(before: NetChange | undefined, row: Tuple): Tuple {
  if (!before || before.kind === 'delete') return row;
  return row.map((value, i) => (value === false ? before.row[i]! : value));
}

/** An injective text of a row's key. Key columns are never null and never unchanged. */
export function keyOf(shape: TableShape, row: Tuple): string {
  return keyText(shape, (index) => row[index]!);
}

function keyText({ keyIndexes }: TableShape, value: (index: number) => Value): string {
  if (keyIndexes.length === 1) return value(keyIndexes[0]!) as string;
  return JSON.stringify(keyIndexes.map((index) => value(index)));
}
