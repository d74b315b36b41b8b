import { RuleFailure } from './rule-kit.js';

/**
 * A function of a person's own, for the rule `call`: texts as PostgreSQL writes them go in, one comes out, null for
 * NULL. It must be pure: the same values give the same text, for ever, and nothing else happens.
 */
export type MappingFunction = (...values: (string | null)[]) => string | null;

/** So many calls are made twice: what depends on a clock or on chance shows in the first few. */
const CHECKED_CALLS = 1_000;

/**
 * Calls a function as a rule does.
 * @returns a function that throws RuleFailure where the person's throws, gives anything but text or null, or gives two
 *   answers to one question. The message never holds a value.
 */
export function guarded(name: string, call: MappingFunction): (values: (string | null)[]) => string | null {
  let unchecked = CHECKED_CALLS;
  return (values) => {
    const answer = ask(name, call, values);
    if (unchecked === 0) return answer;
    unchecked--;
    if (ask(name, call, values) !== answer) {
      throw new RuleFailure(`the function ${name} is not deterministic: it gives two answers to the same values`);
    }
    return answer;
  };
}

function ask(name: string, call: MappingFunction, values: readonly (string | null)[]): string | null {
  let answer: unknown;
  try {
    answer = call(...values);
  } catch (error) {
    throw new RuleFailure(`the function ${name} throws ${error instanceof Error ? error.name : typeof error}`, {
      cause: error,
    });
  }
  if (typeof answer === 'string' || answer === null) return answer;
  const kind = answer instanceof Promise ? 'a promise' : typeof answer;
  throw new RuleFailure(`the function ${name} returns ${kind}, not text or null`);
}
