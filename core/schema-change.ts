import { type Position, type PositionJson, positionToJson } from './position.js';
import type { Column, Relation, ReplicaIdentity } from './relation.js';

/** What happens to a table's rows behind a change of its columns. */
export const SCHEMA_CHANGE_POLICIES = ['halt', 'propagate', 'ignore'] as const;
export type SchemaChangePolicy = (typeof SCHEMA_CHANGE_POLICIES)[number];

/** How one version of a relation differs from the one before. */
export type SchemaChange =
  | { readonly kind: 'add-column'; readonly column: Column }
  /** `isCertain`: no column of the new version can be this one under another name. */
  | { readonly kind: 'drop-column'; readonly column: Column; readonly isCertain: boolean }
  | { readonly kind: 'rename-column'; readonly from: Column; readonly to: Column }
  | { readonly kind: 'change-type'; readonly from: Column; readonly to: Column }
  | { readonly kind: 'change-key'; readonly from: readonly string[]; readonly to: readonly string[] }
  | { readonly kind: 'change-identity'; readonly from: ReplicaIdentity; readonly to: ReplicaIdentity }
  | { readonly kind: 'rename-table'; readonly from: string; readonly to: string };

/** A version of a relation, with the key that deletes and key changes came by last. */
export interface KnownRelation {
  readonly relation: Relation;
  /** Under replica identity full pgoutput calls every column key: of the last version that says which are. */
  readonly key: readonly string[];
  /** Of its first row: what comes before is of a version that has been left behind. */
  readonly since: PositionJson;
}

/** What the catalog said of a column stays known while the column stays: it is asked once all has happened. */
export function knownRelation(relation: Relation, since: Position, before?: KnownRelation): KnownRelation {
  const columns = relation.columns.map((column) => {
    if (column.declared) return column;
    const same = before?.relation.columns.find((old) => old.name === column.name && old.declared);
    return same ? { ...column, declared: same.declared! } : column;
  });
  return {
    relation: { ...relation, columns },
    key: keyNames(relation) ?? before?.key ?? [],
    since: positionToJson(since),
  };
}

/** Pure. Columns are told apart by their number where both versions have it, by their name otherwise. */
export function diffRelations(before: KnownRelation, after: Relation): SchemaChange[] {
  const changes: SchemaChange[] = [];
  const left = new Set(before.relation.columns);
  const added: Column[] = [];
  const renamed = new Map<string, string>();
  for (const column of after.columns) {
    const same = [...left].find((old) => isSame(old, column));
    if (!same) {
      added.push(column);
      continue;
    }
    left.delete(same);
    if (same.name !== column.name) {
      changes.push({ kind: 'rename-column', from: same, to: column });
      renamed.set(same.name, column.name);
    }
    if (same.type !== column.type || same.typmod !== column.typmod) {
      changes.push({ kind: 'change-type', from: same, to: column });
    }
  }
  const isCertain = after.columns.every((column) => column.declared);
  for (const column of left) {
    changes.push({ kind: 'drop-column', column, isCertain: isCertain && column.declared !== undefined });
  }
  for (const column of added) changes.push({ kind: 'add-column', column });
  const from = before.key.map((name) => renamed.get(name) ?? name);
  const to = keyNames(after);
  if (to && from.length > 0 && [...from].sort().join('\n') !== [...to].sort().join('\n')) {
    changes.push({ kind: 'change-key', from, to });
  }
  if (before.relation.identity !== after.identity) {
    changes.push({ kind: 'change-identity', from: before.relation.identity, to: after.identity });
  }
  const names = [before.relation.called ?? '', after.called ?? ''] as const;
  if (names[0] !== names[1]) {
    const source = after.source ?? '';
    changes.push({ kind: 'rename-table', from: names[0] || source, to: names[1] || source });
  }
  return changes;
}

function isSame(before: Column, after: Column): boolean {
  if (before.declared && after.declared) return before.declared.attnum === after.declared.attnum;
  return before.name === after.name;
}

/** undefined where the version does not say: under replica identity nothing, and full where the catalog was not known. */
function keyNames({ identity, columns }: Relation): string[] | undefined {
  const carried = columns.filter((column) => column.key);
  if (identity === 'f' && carried.length > 0) return fullKeyNames(carried);
  return identity === 'n' ? undefined : carried.map((column) => column.name);
}

function fullKeyNames(carried: readonly Column[]): string[] | undefined {
  const keyed = carried.filter(({ declared }) => declared?.inKey).map(({ name }) => name);
  return keyed.length > 0 && carried.every(({ declared }) => declared) ? keyed : undefined;
}

const OID = { int2: 21, int4: 23, int8: 20, numeric: 1700, float4: 700, float8: 701, varchar: 1043, text: 25 } as const;

const WIDER: ReadonlyMap<number, readonly number[]> = new Map<number, readonly number[]>([
  [OID.int2, [OID.int4, OID.int8, OID.numeric]],
  [OID.int4, [OID.int8, OID.numeric]],
  [OID.int8, [OID.numeric]],
  [OID.float4, [OID.float8]],
  [OID.varchar, [OID.text]],
]);

/** Every value of the one type is a value of the other, and PostgreSQL's own cast is the only sensible one. */
export function isWidening(from: Pick<Column, 'type' | 'typmod'>, to: Pick<Column, 'type' | 'typmod'>): boolean {
  if (from.type !== to.type) return to.typmod === -1 && (WIDER.get(from.type)?.includes(to.type) ?? false);
  if (to.typmod === -1) return from.type === OID.varchar || from.type === OID.numeric;
  if (from.typmod === -1) return false;
  if (from.type === OID.varchar) return to.typmod >= from.typmod;
  // Precision stands in the upper half of numeric's modifier, scale in the lower.
  const scale = (typmod: number) => (typmod - 4) & 0xffff;
  return from.type === OID.numeric && to.typmod >= from.typmod && scale(from.typmod) === scale(to.typmod);
}
