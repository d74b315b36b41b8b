import type { ColumnRule, Step } from '../mapping/column-rule.js';

/** The last step of a rule that makes other values of those that it gets; undefined where they stay as they are. */
export function lastMaking({ steps = [] }: ColumnRule): Step | undefined {
  return steps.findLast((step) => step.nullif === undefined && step.default === undefined);
}

/** The type of what a rule makes, where it makes something of its own. */
export function madeType(rule: ColumnRule): string {
  const last = lastMaking(rule);
  if (last) return last.split === undefined ? 'text' : 'text[]';
  if (rule.object) return 'jsonb';
  return rule.uuid ? 'uuid' : 'text';
}
