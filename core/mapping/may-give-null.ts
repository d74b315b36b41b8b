import type { ColumnRule, Step } from './column-rule.js';

/**
 * Whether a rule may give null, as far as its columns tell.
 * @param inputs the columns that it reads.
 */
export function mayGiveNull(
  { constant, steps = [], concat, object, coalesce, call }: ColumnRule,
  inputs: readonly { readonly notNull: boolean }[],
): boolean {
  const last = steps.findLast((step) => step.default !== undefined || mayMakeNull(step));
  if (last) return last.default === undefined;
  if (call !== undefined || constant === null) return true;
  if (concat || object) return false;
  return coalesce ? inputs.every(({ notNull }) => !notNull) : inputs.some(({ notNull }) => !notNull);
}

function mayMakeNull({ nullif, json, map, else: rest }: Step): boolean {
  return nullif !== undefined || json !== undefined || rest === null || Object.values(map ?? {}).includes(null);
}
