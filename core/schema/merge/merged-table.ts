import type { ColumnRule } from '../../mapping/column-rule.js';
import { inputsOf } from '../../mapping/compile-rule.js';
import { movedName } from '../../mapping/table-rules.js';
import type { TableMapping } from '../../mapping.js';
import { isSameSet } from '../../same-set.js';
import type { DumpStatement } from '../inventory.js';
import { dumpTable, keysOf } from './dump-table.js';
import {
  type MergedColumn,
  type MergedSource,
  mergedColumns,
  type Problem,
  type TypeReader,
} from './merged-columns.js';

/** A table of the target that keeps lineage: what several tables become, or one whose key is made. */
export interface MergedTable {
  /** The one that has precedence first. */
  readonly sources: readonly MergedSource[];
  readonly columns: readonly MergedColumn[];
  /** Why it cannot be made. */
  readonly problems: readonly Problem[];
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
  const { unique } = mappings[0]!.lineage!;
  const key = keyOf(sources, unique);
  const { columns, problems } = mergedColumns(sources, types);
  return {
    sources,
    columns: columns.map((column) => (key?.includes(column.name) ? { ...column, isNotNull: true } : column)),
    problems,
    key,
    unique,
  };
}

/**
 * Columns in which the key of every source stands. What makes rows one comes first; then what is made out of all of a
 * key, for keys that move may be equal in two tables.
 */
function keyOf(sources: readonly MergedSource[], unique: readonly string[]): readonly string[] | undefined {
  const [first, ...rest] = sources.map((source) => keysIn(source, sources.length > 1)) as [string[][], ...string[][][]];
  const common = first.filter((key) => rest.every((keys) => keys.some((other) => isSameSet(key, other))));
  return common.find((key) => isSameSet(key, unique)) ?? common[0];
}

/** Where the key of a source may be said to stand: in the columns that it moves to, or in one that is made of all of it. */
function keysIn({ mapping, table }: MergedSource, isOfSeveral: boolean): string[][] {
  const [key] = keysOf(table, 'CONSTR_PRIMARY');
  if (!key) return [];
  const places = key.map((column) => placeOf(mapping, column));
  const moved = places.includes(undefined) ? [] : [places as string[]];
  const made = [...(mapping.rules?.columns ?? [])].filter(
    ([, rule]) => !isCopy(rule) && keepsApart(rule) && isSameSet([...new Set(inputsOf(rule))], key),
  );
  const all = made.map(([name]) => [name]);
  return isOfSeveral ? [...all, ...moved] : [...moved, ...all];
}

/** A column moves, or a rule over it alone stands in its place. */
function placeOf(mapping: TableMapping, column: string): string | undefined {
  const moved = movedName(mapping, column);
  if (moved !== undefined) return moved;
  const rules = [...(mapping.rules?.columns ?? [])];
  return rules.find(([, rule]) => keepsApart(rule) && isSameSet(inputsOf(rule), [column]))?.[0];
}

const isCopy = ({ from, steps }: ColumnRule) => from !== undefined && steps === undefined;

/** Whether a rule never makes the same of different values. */
function keepsApart(rule: ColumnRule): boolean {
  const { steps = [], call, uuid, object } = rule;
  if (call !== undefined || !steps.every(({ prefix, suffix }) => (prefix ?? suffix) !== undefined)) return false;
  return inputsOf(rule).length === 1 || uuid !== undefined || object !== undefined;
}
