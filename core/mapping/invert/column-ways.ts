import type { TableMapping } from '../../mapping.js';
import type { ColumnRule } from '../column-rule.js';
import { inputsOf } from '../compile-rule.js';
import { type Output, outputsOf } from '../table-rules.js';
import { parseTemplate } from '../template.js';
import { isText } from './cast-back.js';
import { type MappedSides, type SideColumn, sideColumn, travelling } from './sides.js';
import { plainBack, stepsBack, type ValueBack } from './steps-back.js';

/** How a column of the old project gets its values back. */
export interface ColumnWay extends ValueBack {
  readonly old: SideColumn;
  readonly now: SideColumn;
}

/** The ways back of a mapping's columns, at most one for each column of the old table, in its order. Pure. */
export function columnWays(sides: MappedSides): ColumnWay[] {
  const outputs = forwardOutputs(sides);
  return travelling(sides.source).flatMap((old) => {
    for (const output of outputs) {
      const now = sideColumn(sides.target, output.name);
      if (!now || now.isGenerated) continue;
      const back = wayOf(output, old, now);
      if (back) return [{ ...back, old, now }];
    }
    return [];
  });
}

/** What the mapping makes of the old table's columns. */
export function forwardOutputs({ mapping, source }: MappedSides): Output[] {
  return outputsOf(
    mapping,
    travelling(source).map(({ name }) => name),
  );
}

function wayOf(output: Output, old: SideColumn, now: SideColumn): ValueBack | undefined {
  if (output.kind === 'move') return output.column === old.name ? plainBack(old, now) : undefined;
  const { rule } = output;
  if (!inputsOf(rule).includes(old.name)) return undefined;
  if (rule.object) return memberBack(rule.object, rule, { old, now });
  const steps = rule.template === undefined ? undefined : stepsOfTemplate(rule.template);
  const all = rule.from === undefined ? steps : [];
  return all && stepsBack([...all, ...(rule.steps ?? [])], old, now);
}

/** Text around one column is a prefix and a suffix. */
function stepsOfTemplate(template: string): ColumnRule['steps'] {
  // The configuration has refused what is none.
  const parts = parseTemplate(template)!;
  const at = parts.findIndex((part) => 'column' in part);
  if (parts.filter((part) => 'column' in part).length > 1) return undefined;
  return parts.flatMap((part, i) => ('column' in part ? [] : [i < at ? { prefix: part.text } : { suffix: part.text }]));
}

const JSONS = ['json', 'jsonb'];
const BOOL = 16;

/** A member of an object that was made. What was JSON before may come back written in another way. */
function memberBack(
  object: NonNullable<ColumnRule['object']>,
  { steps = [] }: ColumnRule,
  { old, now }: { readonly old: SideColumn; readonly now: SideColumn },
): ValueBack | undefined {
  const key = Object.keys(object).find((name) => object[name] === old.name);
  if (!key || steps.length > 0 || !JSONS.includes(now.values.name) || JSONS.includes(old.values.name)) return undefined;
  const truth = old.type === BOOL ? [{ map: { true: 't', false: 'f' } }] : [];
  return {
    steps: [{ json: `"${key.replaceAll('"', '""')}"` }, ...truth],
    limits: [`of an object only ${Object.keys(object).join(', ')} come back`],
  };
}

/** The rule of the way back; undefined where the value travels as it is. */
export function ruleBack({ old, now, steps }: ColumnWay): ColumnRule | undefined {
  if (steps.length === 0) return undefined;
  // What a map gives are values that the old column had, and `nullif` makes none.
  const isItsOwn = steps.at(-1)!.map || (steps.every((step) => step.nullif !== undefined) && old.type === now.type);
  const cast = isText(old.values) || isItsOwn ? {} : { cast: old.typeText };
  return { from: now.name, steps: [...steps], ...cast };
}

/** What a rule is, for people: `concat of first and last`. */
export function describeRule(rule: ColumnRule): string {
  const inputs = inputsOf(rule);
  const of = inputs.length < 2 ? inputs.join('') : `${inputs.slice(0, -1).join(', ')} and ${inputs.at(-1)}`;
  if (rule.call !== undefined) return `the function ${rule.call} of ${of}`;
  const source = (['concat', 'template', 'coalesce', 'object', 'uuid'] as const).find(
    (name) => rule[name] !== undefined,
  );
  const steps = (rule.steps ?? []).map((step) => Object.keys(step).find((key) => key !== 'else')!);
  const made = [...steps.toReversed(), ...(source ? [source] : [])];
  return made.length === 0 ? of : `${made.join(' of ')} of ${of}`;
}

/** Where the mapping speaks of a column of the new table. */
export function placeOfOutput({ rules, columnPlaces, place }: TableMapping, output: Output | undefined) {
  if (!output) return place;
  return (output.kind === 'rule' ? rules?.places.get(output.name) : columnPlaces.get(output.column)) ?? place;
}
