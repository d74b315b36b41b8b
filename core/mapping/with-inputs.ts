import type { ColumnRule } from './column-rule.js';
import { parseTemplate } from './template.js';

/** The same rule over other columns: those that are not named stay. */
export function withInputs(rule: ColumnRule, names: ReadonlyMap<string, string>): ColumnRule {
  const to = (name: string) => names.get(name) ?? name;
  const { from, concat, coalesce, uuid, args, object, template } = rule;
  return {
    ...rule,
    ...(from === undefined ? {} : { from: to(from) }),
    ...(concat ? { concat: concat.map(to) } : {}),
    ...(coalesce ? { coalesce: coalesce.map(to) } : {}),
    ...(uuid ? { uuid: uuid.map(to) } : {}),
    ...(args ? { args: args.map(to) } : {}),
    ...(object ? { object: Object.fromEntries(Object.entries(object).map(([key, column]) => [key, to(column)])) } : {}),
    ...(template === undefined ? {} : { template: renamedTemplate(template, to) }),
  };
}

function renamedTemplate(template: string, to: (name: string) => string): string {
  // The configuration has refused what is none.
  const parts = parseTemplate(template)!;
  return parts
    .map((part) => ('column' in part ? `{${to(part.column)}}` : part.text.replaceAll('{', '{{').replaceAll('}', '}}')))
    .join('');
}
