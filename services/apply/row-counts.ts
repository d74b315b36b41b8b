import { FerryError } from '../../core/errors.js';
import type { RowLine, Tuple } from '../../core/record.js';
import type { TableShape } from './table-shape.js';

/**
 * Changes of a table without a key: of each row, how many more the target shall have, or fewer. Which one of equal rows
 * goes makes no difference, and neither does the order within one target transaction: only their number counts.
 */
export interface RowCounts {
  readonly shape: TableShape;
  /** By the row's text. */
  readonly counts: Map<string, RowCount>;
}

interface RowCount {
  readonly row: Tuple;
  more: number;
}

/** @throws FerryError `apply-failed` for an update or a delete that does not say which row it means. */
export function countRow(set: RowCounts, event: RowLine): void {
  if (event.op !== 'c' && !event.old) {
    throw new FerryError(
      'apply-failed',
      `a row of ${set.shape.name}, a table without a key, changed without its old values`,
      {
        remedy: 'Give the source table REPLICA IDENTITY FULL, or a primary key that the target has too.',
      },
    );
  }
  if (event.old) add(set, event.old, -1);
  if (event.new) add(set, event.new, 1);
}

function add({ counts }: RowCounts, row: Tuple, more: number): void {
  const text = JSON.stringify(row);
  const known = counts.get(text);
  if (!known) counts.set(text, { row, more });
  else if (known.more + more === 0) counts.delete(text);
  else known.more += more;
}

/** Each row as often as the target shall lose it, or get it. */
export function splitCounts({ counts }: RowCounts): {
  readonly gone: readonly Tuple[];
  readonly added: readonly Tuple[];
} {
  const gone: Tuple[] = [];
  const added: Tuple[] = [];
  for (const { row, more } of counts.values()) {
    for (let i = more; i < 0; i++) gone.push(row);
    for (let i = 0; i < more; i++) added.push(row);
  }
  return { gone, added };
}
