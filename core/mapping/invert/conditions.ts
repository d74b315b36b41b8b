import { mergedWith, type TableMapping } from '../../mapping.js';
import { isConstant } from '../compile-rule.js';
import type { Expression } from '../expression.js';

/** The constants that a mapping gives its rows, by column of the new table. */
export function constantsOf({ rules }: TableMapping): Map<string, string> {
  return new Map(
    [...(rules?.columns ?? [])].flatMap(([name, rule]) => (isConstant(rule) ? [[name, rule.constant!]] : [])),
  );
}

/**
 * Columns of constants by which rows of merged tables are told apart: each of the mappings gives them values of its own.
 * @returns undefined where some of the mappings give the same.
 */
export function discriminators(tables: readonly TableMapping[], mapping: TableMapping): string[] | undefined {
  const merged = mergedWith(tables, mapping).map(constantsOf);
  const common = [...merged[0]!.keys()].filter((column) => merged.every((constants) => constants.has(column)));
  const values = merged.map((constants) => JSON.stringify(common.map((column) => constants.get(column))));
  if (new Set(values).size < values.length) return undefined;
  return common.filter((column) => new Set(merged.map((constants) => constants.get(column))).size > 1);
}

/** Rows that have all of these values. */
export function haveValues(values: ReadonlyMap<string, string>): Expression | undefined {
  const parts = [...values].map(([column, value]): Expression => ({ kind: 'in', column, values: [value] }));
  return parts.length > 1 ? { kind: 'and', parts } : parts[0];
}
