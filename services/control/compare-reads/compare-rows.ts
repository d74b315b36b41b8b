import type { TextRow } from '../verify/session.js';

/** How the answers of both sides differ. */
export type RowDifference =
  | { readonly kind: 'missing' | 'extra'; readonly row: TextRow }
  /** Both have the same rows; from this one on, counted from 1, in another order. */
  | { readonly kind: 'order'; readonly at: number; readonly source: TextRow; readonly target: TextRow };

/**
 * Compares two answers, equal rows being counted.
 * @returns what the target lacks, then what it has beyond; or where the order begins to differ. Empty when equal.
 */
export function compareRows(
  source: readonly TextRow[],
  target: readonly TextRow[],
  { ordered }: { readonly ordered: boolean },
): RowDifference[] {
  const differences = [
    ...without(source, target).map((row) => ({ kind: 'missing' as const, row })),
    ...without(target, source).map((row) => ({ kind: 'extra' as const, row })),
  ];
  if (differences.length > 0 || !ordered) return differences;
  const at = source.findIndex((row, index) => idOf(row) !== idOf(target[index]!));
  return at < 0 ? [] : [{ kind: 'order', at: at + 1, source: source[at]!, target: target[at]! }];
}

/** Rows of the one that the other does not have, or does not have as often. */
function without(rows: readonly TextRow[], others: readonly TextRow[]): TextRow[] {
  const counts = new Map<string, number>();
  for (const row of others) counts.set(idOf(row), (counts.get(idOf(row)) ?? 0) + 1);
  return rows.filter((row) => {
    const left = counts.get(idOf(row)) ?? 0;
    counts.set(idOf(row), left - 1);
    return left <= 0;
  });
}

const idOf = (row: TextRow): string => JSON.stringify(row);
