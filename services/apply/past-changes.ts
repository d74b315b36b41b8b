import { isAfter, type Position } from '../../core/position.js';
import type { SchemaChange } from '../../core/schema-change.js';
import type { TargetTable } from './table-shape.js';

/** A change of a table's columns that was passed, whoever decided it. */
export interface PastChange {
  readonly position: Position;
  readonly changes: readonly SchemaChange[];
}

/**
 * Where the values of a column go that a version at some position has, now that the target may have gone on: renamed
 * since, or dropped. Pure.
 * @returns undefined for values that go nowhere, because the column was dropped later.
 */
export function targetColumnNow(
  name: string,
  at: Position,
  past: readonly PastChange[],
  table: TargetTable,
): string | undefined {
  let now = name;
  for (const { position, changes } of past) {
    if (!isAfter(position, at)) continue;
    for (const change of changes) {
      if (change.kind === 'drop-column' && change.column.name === now) return undefined;
      if (change.kind === 'rename-column' && change.from.name === now) now = change.to.name;
    }
  }
  if (table.columns.has(now)) return now;
  // The target may have kept the name of before.
  const names = [now, name, ...namesBefore(name, past)];
  return names.find((candidate) => table.columns.has(candidate)) ?? now;
}

function namesBefore(name: string, past: readonly PastChange[]): string[] {
  const found: string[] = [];
  let now = name;
  for (const change of past.flatMap(({ changes }) => changes).reverse()) {
    if (change.kind !== 'rename-column' || change.to.name !== now) continue;
    now = change.from.name;
    found.push(now);
  }
  return found;
}
