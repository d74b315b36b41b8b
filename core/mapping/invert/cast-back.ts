import { characterLimit, numericDigits, typmodFits } from '../../typmod.js';
import { isComparedAsText, mayBeWritten } from '../comparable-text.js';
import { FIRST_OF_A_USER } from '../fixed-size.js';
import type { ValueType } from './sides.js';

/**
 * How what went from one type to another, as text, comes back:
 * - `all`: every value of the new type is one of the old type, and those that came from there are what they were.
 * - `some`: those that came from there are what they were; the old type refuses or rounds others.
 * - `none`: one that came from there may come back as another one.
 */
export type CastBack = 'all' | 'some' | 'none';

const INTEGERS = ['int2', 'int4', 'int8'];
const MOMENTS = ['timestamp', 'timestamptz'];
const UNLIMITED_TEXTS = ['text', 'citext'];

/** Pure, by types alone: what is not known to be exact is `none`. */
export function castBack(old: ValueType, now: ValueType): CastBack {
  if (old.element || now.element) return old.element && now.element ? castBack(old.element, now.element) : 'none';
  if (old.labels) return labelsBack(old.labels, now);
  if (now.labels) return enumToText(old, now.labels);
  if (isText(old) && isText(now)) return limitOf(now) <= limitOf(old) ? 'all' : 'some';
  if (isText(now)) return isWrittenOneWay(old) ? 'some' : 'none';
  if (old.name === now.name || areMoments(old, now)) {
    if (old.typmod === now.typmod) return 'all';
    return typmodFits(old.name, old.typmod, now.typmod) ? 'some' : 'none';
  }
  return numberBack(old, now);
}

/** Its values keep each text as it is, or refuse it. */
export function isText({ name }: ValueType): boolean {
  return UNLIMITED_TEXTS.includes(name) || name === 'varchar';
}

/** Whether a value of the type is written so, and is read from nothing else. */
export function isWrittenAs(text: string, type: ValueType): boolean {
  if (type.labels) return type.labels.includes(text);
  return isText(type) || (hasOneText(type) && mayBeWritten(text, { type: type.oid }));
}

function labelsBack(labels: readonly string[], now: ValueType): CastBack {
  if (now.labels) return now.labels.every((label) => labels.includes(label)) ? 'all' : 'some';
  return isText(now) ? 'some' : 'none';
}

function enumToText(old: ValueType, labels: readonly string[]): CastBack {
  if (!isText(old)) return 'none';
  return labels.every((label) => [...label].length <= limitOf(old)) ? 'all' : 'some';
}

function limitOf({ name, typmod }: ValueType): number {
  return (name === 'varchar' ? characterLimit(typmod) : undefined) ?? Number.POSITIVE_INFINITY;
}

/** The type's input reads what its output wrote: equal texts, or digits that are kept. A char(n) travels with its blanks. */
function isWrittenOneWay(type: ValueType): boolean {
  return hasOneText(type) || type.name === 'numeric' || type.name === 'bpchar';
}

function hasOneText({ oid }: ValueType): boolean {
  return oid < FIRST_OF_A_USER && isComparedAsText({ type: oid });
}

/** With or without a time zone: every session of ours is at UTC. */
function areMoments(old: ValueType, now: ValueType): boolean {
  return MOMENTS.includes(old.name) && MOMENTS.includes(now.name);
}

function numberBack(old: ValueType, now: ValueType): CastBack {
  const [from, to] = [INTEGERS.indexOf(old.name), INTEGERS.indexOf(now.name)];
  if (from >= 0 && to >= 0) return to < from ? 'all' : 'some';
  // 5 comes out of numeric(8,2) as 5.00, which no integer reads.
  if (from >= 0 && now.name === 'numeric') return isWhole(now) ? 'some' : 'none';
  if (to >= 0 && old.name === 'numeric') return numericDigits(old.typmod) ? 'some' : 'all';
  return old.name === 'float4' && now.name === 'float8' ? 'some' : 'none';
}

function isWhole({ typmod }: ValueType): boolean {
  return (numericDigits(typmod)?.scale ?? 0) === 0;
}
