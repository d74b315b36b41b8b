import type { FilePlace, TableMapping } from '../mapping.js';
import { targetColumn } from '../mapping.js';
import type { ColumnRule } from './column-rule.js';
import { inputsOf } from './compile-rule.js';
import { columnsOf, type Expression } from './expression.js';

/** What a table's mapping does beyond moving and renaming. */
export interface TableRules {
  /** Source columns that move; undefined: all. */
  readonly pick: readonly string[] | undefined;
  /** Source columns that do not. */
  readonly drop: readonly string[];
  /** Of the rows that move; undefined: all. */
  readonly where?: { readonly condition: Expression; readonly place: FilePlace };
  /** By target column. */
  readonly columns: ReadonlyMap<string, ColumnRule>;
  /** Of the rules, by target column. */
  readonly places: ReadonlyMap<string, FilePlace>;
}

/** A column of the target, and how it comes about. */
export type Output =
  | { readonly kind: 'move'; readonly name: string; readonly column: string }
  | { readonly kind: 'rule'; readonly name: string; readonly rule: ColumnRule };

type Mapped = Pick<TableMapping, 'rename' | 'rules'>;

/** The target columns that a mapping fills from a source table of these columns. A rule takes the place of a column that would move. */
export function outputsOf(mapping: Mapped, columns: readonly string[]): Output[] {
  const moved = columns.flatMap((column): Output[] => {
    const name = movedName(mapping, column);
    return name === undefined ? [] : [{ kind: 'move', name, column }];
  });
  const rules = [...(mapping.rules?.columns ?? [])].map(([name, rule]): Output => ({ kind: 'rule', name, rule }));
  return [...moved, ...rules];
}

/** The target column that a source column moves to as it is; undefined where it does not. */
export function movedName(mapping: Mapped, column: string): string | undefined {
  const { rules } = mapping;
  const name = targetColumn(mapping, column);
  if (!rules) return name;
  const isLeft = rules.drop.includes(column) || (rules.pick && !rules.pick.includes(column)) || rules.columns.has(name);
  return isLeft ? undefined : name;
}

/** Source columns that the mapping names, with where it does. */
export function namedColumns(
  mapping: Pick<TableMapping, 'rename' | 'rules' | 'lineage' | 'columnPlaces' | 'place'>,
): { readonly column: string; readonly place: FilePlace }[] {
  const { rename, rules, lineage, columnPlaces, place } = mapping;
  const { where } = rules ?? {};
  const listed = [...rename.keys(), ...(rules?.pick ?? []), ...(rules?.drop ?? []), ...(lineage?.key ?? [])];
  return [
    ...listed.map((column) => ({ column, place: columnPlaces.get(column) ?? place })),
    ...[...(rules?.columns ?? [])].flatMap(([name, rule]) =>
      inputsOf(rule).map((column) => ({ column, place: rules!.places.get(name) ?? place })),
    ),
    ...(where ? columnsOf(where.condition).map((column) => ({ column, place: where.place })) : []),
  ];
}

/** Source columns whose values the target's columns come from, each once. */
export function readColumns(outputs: readonly Output[]): string[] {
  return [...new Set(outputs.flatMap((output) => (output.kind === 'move' ? [output.column] : inputsOf(output.rule))))];
}
