import type { RowLine, Tuple, Value } from '../../core/record.js';
import { type ChangeSet, keyOf, type Move, over } from './fold.js';
import type { Join } from './table-shape.js';

/** By key of a joined table's row, the relation that created it in the transaction that is being read. */
export type Born = Map<string, number>;

/** What comes of a change of a joined table: a move behind the change set, or that the set must be written before it. */
export type JoinedFold = Move | 'behind' | undefined;

/**
 * Folds a change of one of the relations that bring a table's rows into the change set of that table, which all of them
 * share: a new row is whole when it is inserted, if the transaction has all of it, in whatever order.
 *
 * - Rows: as of any table, but that the columns of parts stay as they are. A row that goes in one relation and was created
 *   in another within the transaction has moved between them: it stays.
 * - A part: changes its columns of a row, which must be there. That it goes is nothing to the row.
 *
 * @param event as {@link widened} makes it.
 */
export function foldJoined(set: ChangeSet, role: Join['role'], event: RowLine, born: Born): JoinedFold {
  const { rel, op, new: row } = event;
  const old = event.key ?? event.old;
  if (role === 'part') return row && change(set, { row });
  if (!row) return remove(set, old!, (key) => (born.get(key) ?? rel) === rel);
  if (op !== 'c') return change(set, { row, old });
  const created = create(set, row);
  if (!created) born.set(keyOf(set.shape, row), rel);
  return created;
}

/** A change among the columns of the whole row: the others are not known. */
export function widened({ whole, places }: Join, { key, old, new: row, ...event }: RowLine): RowLine {
  const wide = (tuple: Tuple) => {
    const values: Value[] = new Array(whole.columns.length).fill(false);
    for (const [i, place] of places.entries()) values[place] = tuple[i]!;
    return values;
  };
  return {
    ...event,
    ...(key ? { key: wide(key) } : {}),
    ...(old ? { old: wide(old) } : {}),
    ...(row ? { new: wide(row) } : {}),
  };
}

function remove({ shape, changes }: ChangeSet, old: Tuple, isOwn: (key: string) => boolean): undefined {
  const key = keyOf(shape, old);
  if (isOwn(key)) changes.set(key, { kind: 'delete', key: old });
}

function create({ shape, changes }: ChangeSet, row: Tuple): 'behind' | undefined {
  const key = keyOf(shape, row);
  const before = changes.get(key);
  // What others have of the row that went must not become this one's.
  if (before?.kind === 'delete') return 'behind';
  changes.set(key, { kind: 'partial', row: over(before, row) });
  return undefined;
}

function change({ shape, changes }: ChangeSet, { row, old }: { row: Tuple; old?: Tuple | undefined }): JoinedFold {
  const key = keyOf(shape, row);
  const oldKey = old ? keyOf(shape, old) : key;
  const before = changes.get(oldKey);
  if (before?.kind === 'delete') return 'behind';
  if (key !== oldKey) {
    // A part that came to the new key first is the row's that comes now.
    const ahead = changes.get(key);
    if (ahead?.kind === 'update') changes.delete(key);
    return { shape, from: old!, to: over(before, over(ahead, row)) };
  }
  changes.set(key, { kind: before?.kind === 'partial' ? 'partial' : 'update', row: over(before, row) });
  return undefined;
}
