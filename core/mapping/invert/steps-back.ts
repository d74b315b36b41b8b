import type { Step } from '../column-rule.js';
import { mayBeWritten } from '../comparable-text.js';
import { compileSteps } from '../compile-steps.js';
import { RuleFailure } from '../rule-kit.js';
import { castBack, isText, isWrittenAs } from './cast-back.js';
import type { SideColumn } from './sides.js';

/** How a value of the new project becomes that of the old one, and which values do not. */
export interface ValueBack {
  readonly steps: readonly Step[];
  /** Empty where every value comes back. */
  readonly limits: readonly string[];
}

/**
 * The steps of the other direction.
 * @returns undefined where two values may have become one, or a step cannot be undone by any of ours.
 */
export function stepsBack(steps: readonly Step[], old: SideColumn, now: SideColumn): ValueBack | undefined {
  // No other step that can be undone one by one makes a null.
  const real = old.notNull ? steps.filter((step) => step.default === undefined) : steps;
  if (real.length === 0) return plainBack(old, now);
  const domain = domainOf(real, old);
  return domain ? overDomain(steps, domain, { old, now }) : oneByOne(real, old, now);
}

/** A value that travels as it is, read by the other type. */
export function plainBack(old: SideColumn, now: SideColumn): ValueBack | undefined {
  const back = castBack(old.values, now.values);
  if (back === 'none') return undefined;
  const limits =
    back === 'all' ? [] : [`${old.name} is ${old.typeText}, which refuses or rounds what it does not hold`];
  return { steps: [], limits };
}

/** The few values that go in, where steps and type say which. */
function domainOf([first]: readonly Step[], { values }: SideColumn): readonly string[] | undefined {
  if (values.labels) return values.labels;
  if (values.name === 'bool') return ['t', 'f'];
  return first?.map && first.else === undefined ? Object.keys(first.map) : undefined;
}

/** Whatever the steps are: what comes out of each value that goes in says what it was. */
function overDomain(
  steps: readonly Step[],
  domain: readonly string[],
  { old, now }: { readonly old: SideColumn; readonly now: SideColumn },
): ValueBack | undefined {
  const make = compileSteps(steps);
  const made = domain.flatMap((value) => whatIsMade(make, value));
  const ofNull = old.notNull ? null : make(null);
  const images = [...made.map(([image]) => image), ...(ofNull === null ? [] : [ofNull])];
  const known = images.filter((image) => image !== null);
  if (known.length < images.length || new Set(known).size < known.length) return undefined;
  if (known.length === 0 || !known.every((image) => isWrittenAs(image, now.values))) return undefined;
  const { labels, name } = now.values;
  const others =
    labels?.filter((label) => !known.includes(label)) ?? (name === 'bool' && known.length === 2 ? [] : [OTHERS]);
  return {
    steps: [
      ...(ofNull === null ? [] : [{ nullif: ofNull }]),
      { map: Object.fromEntries(made) as Record<string, string> },
    ],
    limits:
      others.length === 0 ? [] : [`${others.join(', ')} stands for no value of ${old.name}, and halts the way back`],
  };
}

const OTHERS = 'another value than those of the rule';

function whatIsMade(make: (value: string) => string | null, value: string): [string | null, string][] {
  try {
    return [[make(value), value]];
  } catch (error) {
    // It never went.
    if (error instanceof RuleFailure) return [];
    throw error;
  }
}

/** PostgreSQL has no text with U+0000: it marks an end of a value, where `replace` finds nothing else. */
const END = '\u0000';

function oneByOne(steps: readonly Step[], old: SideColumn, now: SideColumn): ValueBack | undefined {
  const back: Step[] = [];
  const limits: string[] = [];
  let arrives = now.values;
  for (const [i, step] of steps.entries()) {
    if (step.prefix !== undefined) {
      back.unshift({ prefix: END }, { replace: { [END + step.prefix]: '', [END]: '' } });
      limits.push(`one that does not begin with ${JSON.stringify(step.prefix)} comes back as it is`);
    } else if (step.suffix !== undefined) {
      back.unshift({ suffix: END }, { replace: { [step.suffix + END]: '', [END]: '' } });
      limits.push(`one that does not end with ${JSON.stringify(step.suffix)} comes back as it is`);
    } else if (step.split !== undefined && i === steps.length - 1 && now.values.element) {
      back.unshift({ join: step.split });
      limits.push('null elements, and whether a delimiter is one of an element, are lost');
      arrives = now.values.element;
    } else if (step.default !== undefined && i === 0 && !mayBeWritten(step.default, { type: old.values.oid })) {
      back.unshift({ nullif: step.default });
    } else return undefined;
  }
  const isDefaultAlone = back.length === 1 && back[0]!.nullif !== undefined;
  if (isDefaultAlone ? !isWrittenAs(back[0]!.nullif!, now.values) : !isText(arrives)) return undefined;
  const plain = plainBack(old, { ...now, values: arrives });
  return plain && { steps: back, limits: [...limits, ...plain.limits] };
}
