import { assertNever } from '../errors.js';
import { arrayText, parseArrayText } from './array-text.js';
import type { Step, StepName } from './column-rule.js';
import { jsonAt, parseJsonPath } from './json-path.js';
import { RuleFailure } from './rule-kit.js';

/** Makes a value of a value. Null stays null, save for `default`. */
export type ValueStep = (value: string | null) => string | null;

/** The steps one after the other, as one. */
export function compileSteps(steps: readonly Step[]): ValueStep {
  const compiled = steps.map(compileStep);
  if (compiled.length === 1) return compiled[0]!;
  return (value) => compiled.reduce((now, step) => step(now), value);
}

function compileStep(step: Step): ValueStep {
  if (step.default !== undefined) {
    const fallback = step.default;
    return (value) => value ?? fallback;
  }
  const make = compileText(step);
  return (value) => (value === null ? null : make(value));
}

function compileText(step: Step): (value: string) => string | null {
  const name = Object.keys(step).find((key) => key !== 'else') as Exclude<StepName, 'default' | 'else'>;
  switch (name) {
    case 'trim':
      return (value) => value.trim();
    case 'lower':
      return (value) => value.toLowerCase();
    case 'upper':
      return (value) => value.toUpperCase();
    case 'nullif':
      return (value) => (value === step.nullif ? null : value);
    case 'map':
      return mapOf(step);
    case 'prefix':
      return (value) => `${step.prefix}${value}`;
    case 'suffix':
      return (value) => `${value}${step.suffix}`;
    case 'replace': {
      const pairs = Object.entries(step.replace!);
      return (value) => pairs.reduce((now, [from, to]) => now.replaceAll(from, () => to), value);
    }
    case 'json':
      return jsonOf(step.json!);
    case 'split':
      return (value) => arrayText(value === '' ? [] : value.split(step.split!));
    case 'join':
      return joinOf(step.join!);
    default:
      return assertNever(name);
  }
}

function mapOf(step: Step): (value: string) => string | null {
  const values = new Map(Object.entries(step.map!));
  return (value) => {
    const found = values.get(value);
    if (found !== undefined) return found;
    if (step.else !== undefined) return step.else;
    throw new RuleFailure('`map` does not have its value');
  };
}

function jsonOf(text: string): (value: string) => string | null {
  // The configuration has refused what is none.
  const path = parseJsonPath(text)!;
  return (value) => readable('JSON', () => jsonAt(value, path));
}

function joinOf(delimiter: string): (value: string) => string {
  return (value) =>
    readable('an array of one dimension', () =>
      parseArrayText(value)
        .filter((element) => element !== null)
        .join(delimiter),
    );
}

function readable<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof SyntaxError) throw new RuleFailure(`its value is not ${what}`);
    throw error;
  }
}
