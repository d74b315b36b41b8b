import type { TableMapping } from '../../core/mapping.js';
import { displayName, type QualifiedName } from '../../core/relation.js';
import type { TableSnapshotState } from '../../core/stage-state.js';

/** What the source's catalog has now. */
export interface SourceTables {
  /** OIDs by name, as `schema.table`. */
  readonly oids: ReadonlyMap<string, number>;
  readonly names: ReadonlyMap<number, QualifiedName>;
}

/** A mapped table and what has become of it. */
export type ResolvedTable =
  | { readonly mapping: TableMapping; readonly kind: 'here'; readonly called: QualifiedName }
  | { readonly mapping: TableMapping; readonly kind: 'gone'; readonly why: 'dropped' | 'recreated' };

/** Tells renamed, dropped and recreated tables by the OID that they were captured under before. Pure. */
export function resolveTables(
  mappings: readonly TableMapping[],
  { oids, names }: SourceTables,
  states: ReadonlyMap<string, TableSnapshotState>,
): ResolvedTable[] {
  return mappings.map((mapping) => {
    const before = states.get(displayName(mapping.source))?.oid;
    const now = oids.get(displayName(mapping.source));
    if (before === undefined || before === now) return { mapping, kind: 'here', called: mapping.source };
    const called = names.get(before);
    if (called) return { mapping, kind: 'here', called };
    return { mapping, kind: 'gone', why: now === undefined ? 'dropped' : 'recreated' };
  });
}

/**
 * The states by the names that the mapping has now: a renamed table that the mapping has followed goes on where it was;
 * its copy is ended once more under the new name, so that everybody hears of it.
 */
export function followRenames(
  mappings: readonly TableMapping[],
  { oids }: SourceTables,
  states: ReadonlyMap<string, TableSnapshotState>,
): Map<string, TableSnapshotState> {
  const mapped = new Set(mappings.map(({ source }) => displayName(source)));
  const followed = new Map(states);
  for (const name of mapped) {
    const oid = oids.get(name);
    if (states.has(name) || oid === undefined) continue;
    const before = [...states].find(([other, state]) => state.oid === oid && !mapped.has(other));
    if (!before) continue;
    followed.set(name, { ...before[1], done: false });
    followed.delete(before[0]);
  }
  return followed;
}

/** Without those of tables that nobody maps any more: one that is mapped again is copied again. */
export function ofMapped(
  mappings: readonly TableMapping[],
  states: ReadonlyMap<string, TableSnapshotState>,
): Map<string, TableSnapshotState> {
  const mapped = new Set(mappings.map(({ source }) => displayName(source)));
  return new Map([...states].filter(([name]) => mapped.has(name)));
}
