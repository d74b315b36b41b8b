import { inputsOf } from '../../mapping/compile-rule.js';
import { movedName } from '../../mapping/table-rules.js';
import type { TableMapping } from '../../mapping.js';
import type { DumpStatement } from '../inventory.js';
import { dumpTable, keysOf } from './dump-table.js';
import { type MergedColumn, type MergedSource, mergedColumns, type TypeReader } from './merged-columns.js';

/** A table of the target that keeps lineage: what several tables become, or one whose key is made. */
export interface MergedTable {
  /** The one that has precedence first. */
  readonly sources: readonly MergedSource[];
  readonly columns: readonly MergedColumn[];
  /** Why it cannot be made. */
  readonly problems: readonly string[];
  /** Columns of the target in which the key of each source stands; undefined where there are none. */
  readonly key: readonly string[] | undefined;
  /** Columns in which rows are one; none where no two are. */
  readonly unique: readonly string[];
}

/** @returns undefined where a table is not in the dump. */
export function mergedTable(
  mappings: readonly TableMapping[],
  statements: readonly DumpStatement[],
  types: TypeReader,
): MergedTable | undefined {
  const sources = mappings.flatMap((mapping): MergedSource[] => {
    const table = dumpTable(statements, { schema: mapping.source.schema, name: mapping.source.table });
    return table ? [{ mapping, table }] : [];
  });
  if (sources.length < mappings.length) return undefined;
  const key = keyOf(sources);
  const { columns, problems } = mergedColumns(sources, types);
  return {
    sources,
    columns: columns.map((column) => (key?.includes(column.name) ? { ...column, isNotNull: true } : column)),
    problems,
    key,
    unique: mappings[0]!.lineage!.unique,
  };
}

/** Columns in which the key of every source stands, moved or made. */
function keyOf([first, ...others]: readonly MergedSource[]): readonly string[] | undefined {
  const rest = others.map(keysIn);
  return keysIn(first!).find((key) => rest.every((keys) => keys.some((other) => isSameSet(key, other))));
}

/** Where the key of a source may be said to stand: in the columns that it moves to, or in one that is made of all of it. */
function keysIn({ mapping, table }: MergedSource): string[][] {
  const [key] = keysOf(table, 'CONSTR_PRIMARY');
  if (!key) return [];
  const moved = key.map((column) => placeOf(mapping, column));
  const made = [...(mapping.rules?.columns ?? [])].filter(([, rule]) => isSameSet([...new Set(inputsOf(rule))], key));
  const all = made.map(([name]) => [name]);
  return moved.includes(undefined) ? all : [moved as string[], ...all];
}

/** A column moves, or a rule over it alone stands in its place. */
function placeOf(mapping: TableMapping, column: string): string | undefined {
  const moved = movedName(mapping, column);
  if (moved !== undefined) return moved;
  const rules = [...(mapping.rules?.columns ?? [])];
  return rules.find(([, rule]) => isSameSet(inputsOf(rule), [column]))?.[0];
}

export function isSameSet(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((name) => b.includes(name));
}
