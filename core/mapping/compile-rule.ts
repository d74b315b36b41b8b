import { FerryError } from '../errors.js';
import type { Tuple } from '../record.js';
import type { Column } from '../relation.js';
import { didYouMean } from '../suggest.js';
import type { ColumnRule } from './column-rule.js';
import { type ByteRule, compileBytes } from './compile-bytes.js';
import { compileSteps } from './compile-steps.js';
import { jsonMember } from './json-object.js';
import type { RuleKit } from './rule-kit.js';
import { parseTemplate } from './template.js';
import { guarded } from './user-function.js';
import { uuidV5 } from './uuid-v5.js';

/** A row whose values are all known. */
export type WholeRow = readonly (string | null)[];

/** A rule over one version of a relation. */
export interface CompiledRule {
  /** Indexes of the columns that it reads, each once. */
  readonly inputs: readonly number[];
  /** Pure. @throws RuleFailure for values that it can make nothing of. */
  evaluate(row: WholeRow): string | null;
  /** The same of plain text; undefined where it needs strings. */
  readonly write?: ByteRule | undefined;
}

/** One value for all rows, and not null: in a key it tells nothing apart, and stands in nobody's way. */
export function isConstant({ constant, steps = [] }: ColumnRule): boolean {
  return constant != null && steps.length === 0;
}

/** Source columns that a rule reads, in its order. */
export function inputsOf(rule: ColumnRule): readonly string[] {
  if (rule.from !== undefined) return [rule.from];
  if (rule.template !== undefined) {
    return parseTemplate(rule.template)!.flatMap((part) => ('column' in part ? [part.column] : []));
  }
  return rule.concat ?? rule.coalesce ?? rule.uuid ?? rule.args ?? rule.of ?? Object.values(rule.object ?? {});
}

/**
 * Compiles a rule; rows are then mapped without looking at it again.
 * @throws FerryError `mapping-invalid` for a column or a function that is not there.
 */
export function compileRule(rule: ColumnRule, columns: readonly Column[], kit: RuleKit): CompiledRule {
  const places = inputsOf(rule).map((name) => indexOf(name, columns));
  const inputs = [...new Set(places)];
  const make = compileSource(rule, places, { columns, kit });
  const write = compileBytes(rule, places);
  if (!rule.steps || rule.steps.length === 0) return { inputs, evaluate: make, write };
  const steps = compileSteps(rule.steps);
  return { inputs, evaluate: (row) => steps(make(row)), write };
}

function indexOf(name: string, columns: readonly Column[]): number {
  const index = columns.findIndex((column) => column.name === name);
  if (index >= 0) return index;
  const hint = didYouMean(
    name,
    columns.map((column) => column.name),
  );
  throw new FerryError('mapping-invalid', `the source table has no column ${name}${hint}`, {
    details: { column: name },
  });
}

function compileSource(
  rule: ColumnRule,
  places: readonly number[],
  { columns, kit }: { readonly columns: readonly Column[]; readonly kit: RuleKit },
): CompiledRule['evaluate'] {
  if (rule.constant !== undefined) {
    const { constant } = rule;
    return () => constant;
  }
  if (rule.concat) {
    const separator = rule.separator ?? '';
    return (row) => places.flatMap((i) => row[i] ?? []).join(separator);
  }
  if (rule.template !== undefined) return templateOf(rule.template, places);
  if (rule.coalesce) return (row) => row[places.find((i) => row[i] !== null) ?? places[0]!]!;
  if (rule.object) return objectOf(Object.keys(rule.object), places, columns);
  if (rule.uuid) return uuidOf(rule.namespace!, places, kit);
  if (rule.call !== undefined) return callOf(rule.call, places, kit);
  const [only] = places;
  return (row) => row[only!]!;
}

function templateOf(template: string, places: readonly number[]): CompiledRule['evaluate'] {
  // The configuration has refused what is none.
  const parts = parseTemplate(template)!;
  let next = 0;
  const filled = parts.map((part) => ('column' in part ? places[next++]! : part.text));
  return (row) => {
    let text = '';
    for (const part of filled) {
      const value = typeof part === 'number' ? row[part]! : part;
      if (value === null) return null;
      text += value;
    }
    return text;
  };
}

function objectOf(
  keys: readonly string[],
  places: readonly number[],
  columns: readonly Column[],
): CompiledRule['evaluate'] {
  const members = keys.map((key, i) => ({
    index: places[i]!,
    name: JSON.stringify(key),
    text: jsonMember(columns[places[i]!]!),
  }));
  return (row) => `{${members.map(({ name, index, text }) => `${name}: ${text(row[index]!)}`).join(', ')}}`;
}

function uuidOf(namespace: string, places: readonly number[], kit: RuleKit): CompiledRule['evaluate'] {
  const make = uuidV5(namespace, kit);
  return (row) => {
    if (places.some((place) => row[place] === null)) return null;
    // Several as a JSON array: no other values give the same text.
    return make(places.length === 1 ? row[places[0]!]! : JSON.stringify(places.map((place) => row[place])));
  };
}

function callOf(name: string, places: readonly number[], { functions }: RuleKit): CompiledRule['evaluate'] {
  const found = functions.get(name);
  if (!found) {
    throw new FerryError('mapping-invalid', `there is no function ${name}${didYouMean(name, functions.keys())}`, {
      remedy: 'Export it from the module that `functions` in pipeline.yaml names.',
    });
  }
  const call = guarded(name, found);
  return (row) => call(places.map((index) => row[index]!));
}

/** Whether a value that the rule reads is not in the change: a TOAST value that has not changed. */
export function lacks(row: Tuple, { inputs }: CompiledRule): boolean {
  return inputs.some((index) => row[index] === false);
}
