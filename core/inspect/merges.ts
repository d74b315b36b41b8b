import { type MergeMapping, type MergeScene, mergeMapping } from './merge-mapping.js';
import type { NearDuplicate } from './near-duplicates.js';
import type { TableFacts } from './table-facts.js';
import { wordsOf } from './words.js';

/** Tables that hold the same thing, and how they could become one. */
export interface Merge {
  /** Name of the one table. */
  readonly into: string;
  /** `schema.table`: the one whose rows would win first. */
  readonly tables: readonly string[];
  readonly columns: readonly MergedColumn[];
  /** 0 to 1: of the weakest tie that holds a table in the group. */
  readonly score: number;
  /** What says so, a line for each pair. */
  readonly evidence: readonly string[];
  /** What it is in a mapping; undefined where something stands against it. */
  readonly mapping?: MergeMapping;
  readonly obstacles: readonly string[];
}

export interface MergedColumn {
  readonly name: string;
  /** Table -> its column; tables that have none are left out. */
  readonly from: Readonly<Record<string, string>>;
}

/**
 * Puts near-duplicates into groups, each of which could be one table. Rows of the table with the newest version in its
 * name would win, then those of the larger table, then those in public.
 */
export function proposeMerges(duplicates: readonly NearDuplicate[], known: KnownOfMerges): Merge[] {
  const merged = new Set(duplicates.flatMap(({ a, b }) => [a.name, b.name]));
  return groupsOf(duplicates).map((pairs) => {
    const tables = [...new Set(pairs.flatMap(({ a, b }) => [a, b]))].sort(precedence);
    const base = [...tables].sort(plainness)[0]!;
    const columns = mergedColumns([base, ...tables.filter((table) => table !== base)], pairs);
    const mapping = mergeMapping({ ...known, tables, columns, merged });
    return {
      into: base.table,
      tables: tables.map(({ name }) => name),
      columns,
      score: Math.min(
        ...tables.map((table) => Math.max(...pairs.filter((pair) => has(pair, table)).map(({ score }) => score))),
      ),
      evidence: pairs.map(describe),
      ...('obstacles' in mapping ? mapping : { mapping, obstacles: [] }),
    };
  });
}

/** What a merge's mapping needs to know beside its tables. */
export type KnownOfMerges = Pick<MergeScene, 'all' | 'references' | 'samples' | 'namespaceOf'>;

const has = ({ a, b }: NearDuplicate, table: TableFacts) => a === table || b === table;

/** Connected by pairs; in the order in which the pairs come. */
function groupsOf(duplicates: readonly NearDuplicate[]): NearDuplicate[][] {
  const groupOf = new Map<TableFacts, Set<TableFacts>>();
  for (const { a, b } of duplicates) {
    const [ours, theirs] = [groupOf.get(a) ?? new Set([a]), groupOf.get(b) ?? new Set([b])];
    for (const table of theirs) ours.add(table);
    for (const table of ours) groupOf.set(table, ours);
  }
  const groups = new Map<Set<TableFacts>, NearDuplicate[]>();
  for (const pair of duplicates) {
    const tables = groupOf.get(pair.a)!;
    const group = groups.get(tables);
    if (group) group.push(pair);
    else groups.set(tables, [pair]);
  }
  return [...groups.values()];
}

function precedence(one: TableFacts, other: TableFacts): number {
  const isElsewhere = ({ schema }: TableFacts) => Number(schema !== 'public');
  return (
    versionOf(other) - versionOf(one) ||
    (other.rows ?? 0) - (one.rows ?? 0) ||
    isElsewhere(one) - isElsewhere(other) ||
    (one.name < other.name ? -1 : 1)
  );
}

/** `..._v2` is 2; 0 without a version. */
function versionOf({ table }: TableFacts): number {
  return Number(/(?:_v|V)(\d{1,4})$/.exec(table)?.[1] ?? 0);
}

/** The name without additions first. */
function plainness(one: TableFacts, other: TableFacts): number {
  return (
    wordsOf(one.table).length - wordsOf(other.table).length ||
    one.table.length - other.table.length ||
    (one.name < other.name ? -1 : 1)
  );
}

/** Columns of the first table under their names, then what the others have besides. */
function mergedColumns(tables: readonly TableFacts[], pairs: readonly NearDuplicate[]): MergedColumn[] {
  const merged: { name: string; from: Record<string, string> }[] = [];
  for (const table of tables) {
    const open = (column: { readonly from: object }) => !(table.name in column.from);
    for (const { name } of table.columns) {
      const known =
        merged.find((column) => open(column) && isPaired(pairs, column.from, table.name, name)) ??
        merged.find((column) => open(column) && column.name === name);
      if (known) known.from[table.name] = name;
      else merged.push({ name: freeName(name, table.table, merged), from: { [table.name]: name } });
    }
  }
  return merged;
}

/** Another column of the table may be the one of that name already. */
function freeName(name: string, prefix: string, merged: readonly { readonly name: string }[]): string {
  const isTaken = merged.some((column) => column.name === name);
  return isTaken ? freeName(`${prefix}_${name}`, prefix, merged) : name;
}

function isPaired(
  pairs: readonly NearDuplicate[],
  from: Readonly<Record<string, string>>,
  table: string,
  column: string,
): boolean {
  return pairs.some(({ a, b, pairs: columns }) =>
    columns.some(
      (pair) =>
        (b.name === table && pair.b.name === column && from[a.name] === pair.a.name) ||
        (a.name === table && pair.a.name === column && from[b.name] === pair.b.name),
    ),
  );
}

function describe({ a, b, pairs, columns, values }: NearDuplicate): string {
  const ofColumns = `${pairs.length} of ${Math.max(a.columns.length, b.columns.length)} columns pair`;
  const sampled = values === null ? 'no values compared' : `${percent(values)} of sampled values in both`;
  return `${a.name} ~ ${b.name}: ${ofColumns} (${percent(columns)} alike), ${sampled}`;
}

const percent = (share: number) => `${Math.round(share * 100)} %`;
