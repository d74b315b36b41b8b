import type { RowLine } from '../../core/record.js';
import type { TableStep } from './batch.js';
import { type ChangeSet, fold } from './fold.js';
import { isKeyless, type TableShape } from './table-shape.js';

/** Changes of one table, in order, as what they come to together. @returns undefined where they are not told apart by a key. */
export function foldedSteps(shape: TableShape, rows: readonly RowLine[]): TableStep[] | undefined {
  if (isKeyless(shape) || shape.join) return undefined;
  const steps: TableStep[] = [];
  let set: ChangeSet = { shape, changes: new Map() };
  for (const row of rows) {
    const move = fold(set, row);
    if (!move) continue;
    steps.push({ kind: 'changes', set }, { kind: 'move', move });
    set = { shape, changes: new Map() };
  }
  return [...steps, { kind: 'changes', set }];
}
