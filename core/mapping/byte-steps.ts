import type { ByteWriter } from '../byte-writer.js';
import { isPlainText } from '../tuple-spans.js';
import type { Step } from './column-rule.js';
import { RuleFailure } from './rule-kit.js';

/**
 * Goes on with the plain value that was written last.
 * @param from where it begins.
 * @param isThere false for null, of which nothing is written.
 * @returns the same of what it has become.
 */
export type ByteStep = (out: ByteWriter, from: number, isThere: boolean) => boolean;

/** @returns undefined for a step that needs text, or may make other than plain text of plain text. */
export function compileByteStep(step: Step): ByteStep | undefined {
  if (step.default !== undefined) return defaultOf(step.default);
  const make = compileText(step);
  return make && ((out, from, isThere) => isThere && make(out, from));
}

/** Of a value that is not null. */
type TextStep = (out: ByteWriter, from: number) => boolean;

function compileText(step: Step): TextStep | undefined {
  if (step.trim) return trim;
  if (step.lower) return caseOf(0x41, 0x20);
  if (step.upper) return caseOf(0x61, -0x20);
  if (step.nullif !== undefined) return nullifOf(step.nullif);
  if (step.map) return mapOf(step);
  if (step.prefix !== undefined) return prefixOf(step.prefix);
  if (step.suffix !== undefined) return suffixOf(step.suffix);
  if (step.replace) return replaceOf(Object.entries(step.replace));
  return undefined;
}

function defaultOf(text: string): ByteStep | undefined {
  if (!isPlainText(text)) return undefined;
  const bytes = Buffer.from(text);
  return (out, _, isThere) => {
    if (!isThere) out.bytes(bytes);
    return true;
  };
}

/** White space that is plain is a space. */
function trim(out: ByteWriter, from: number): boolean {
  let { length } = out;
  const { buffer } = out;
  while (length > from && buffer[length - 1] === SPACE) length--;
  let first = from;
  while (first < length && buffer[first] === SPACE) first++;
  if (first > from) for (let at = first; at < length; at++) buffer[at - first + from] = buffer[at]!;
  out.truncate(length - first + from);
  return true;
}

/** @param a the letter to begin with. */
function caseOf(a: number, distance: number): TextStep {
  return (out, from) => {
    const { buffer, length } = out;
    for (let at = from; at < length; at++) {
      const byte = buffer[at]!;
      if (byte >= a && byte < a + LETTERS) buffer[at] = byte + distance;
    }
    return true;
  };
}

function nullifOf(text: string): TextStep {
  const bytes = Buffer.from(text);
  return (out, from) => {
    if (!isValue(out, from, bytes)) return true;
    out.truncate(from);
    return false;
  };
}

function mapOf({ map, else: otherwise }: Step): TextStep | undefined {
  const entries = Object.entries(map!);
  const results = [...entries.map(([, to]) => to), otherwise ?? null];
  if (entries.length > COMPARED_ENTRIES || results.some((to) => to !== null && !isPlainText(to))) return undefined;
  const bytes = (to: string | null) => (to === null ? null : Buffer.from(to));
  const compiled = entries.map(([from, to]) => ({ from: Buffer.from(from), to: bytes(to) }));
  const rest = otherwise === undefined ? undefined : bytes(otherwise);
  return (out, from) => {
    let to = rest;
    for (const entry of compiled) {
      if (!isValue(out, from, entry.from)) continue;
      to = entry.to;
      break;
    }
    if (to === undefined) throw new RuleFailure('`map` does not have its value');
    out.truncate(from);
    if (to === null) return false;
    out.bytes(to);
    return true;
  };
}

function prefixOf(text: string): TextStep | undefined {
  if (!isPlainText(text)) return undefined;
  const bytes = Buffer.from(text);
  return (out, from) => {
    // Makes room behind; the value is then moved on.
    out.bytes(bytes);
    const { buffer, length } = out;
    for (let at = length - 1; at >= from + bytes.length; at--) buffer[at] = buffer[at - bytes.length]!;
    for (let i = 0; i < bytes.length; i++) buffer[from + i] = bytes[i]!;
    return true;
  };
}

function suffixOf(text: string): TextStep | undefined {
  if (!isPlainText(text)) return undefined;
  const bytes = Buffer.from(text);
  return (out) => {
    out.bytes(bytes);
    return true;
  };
}

function replaceOf(pairs: readonly (readonly [string, string])[]): TextStep | undefined {
  if (pairs.some(([, to]) => !isPlainText(to))) return undefined;
  const compiled = pairs.map(([one, other]) => [Buffer.from(one), Buffer.from(other)] as const);
  return (out, from) => {
    for (const [one, other] of compiled) replace(out, from, one, other);
    return true;
  };
}

/** Writes the new value behind the old one, if it is another, and moves it there. */
function replace(out: ByteWriter, from: number, one: Buffer, other: Buffer): void {
  const end = out.length;
  let copied = from;
  for (let at = from; at <= end - one.length; ) {
    if (!isAt(out.buffer, at, one)) {
      at++;
      continue;
    }
    out.bytes(out.buffer, copied, at);
    out.bytes(other);
    at += one.length;
    copied = at;
  }
  if (copied === from) return;
  out.bytes(out.buffer, copied, end);
  const { buffer, length } = out;
  for (let at = end; at < length; at++) buffer[at - end + from] = buffer[at]!;
  out.truncate(length - end + from);
}

/** Whether the value that stands from `from` on is this one. */
function isValue({ buffer, length }: ByteWriter, from: number, bytes: Buffer): boolean {
  return length - from === bytes.length && isAt(buffer, from, bytes);
}

function isAt(buffer: Buffer, from: number, bytes: Buffer): boolean {
  for (let i = 0; i < bytes.length; i++) if (buffer[from + i] !== bytes[i]) return false;
  return true;
}

const SPACE = 0x20;
const LETTERS = 26;
/** More are found sooner by a hash. */
const COMPARED_ENTRIES = 16;
