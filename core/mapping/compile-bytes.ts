import type { ByteWriter } from '../byte-writer.js';
import { isPlainText, SPAN, type TupleSpans } from '../tuple-spans.js';
import { type ByteStep, compileByteStep } from './byte-steps.js';
import type { ColumnRule } from './column-rule.js';
import { parseTemplate } from './template.js';

/**
 * A rule over plain text, which never becomes a string: it writes its value.
 * @param tuple its columns that the rule reads are plain, or null.
 * @returns false for null; the writer is then where it was.
 */
export type ByteRule = (out: ByteWriter, tuple: TupleSpans) => boolean;

/**
 * Compiles a rule for bytes; it makes the same of plain text as the one that `compileRule` makes.
 * @param places of the columns that it reads, in its order.
 * @returns undefined for one that needs text.
 */
export function compileBytes(rule: ColumnRule, places: readonly number[]): ByteRule | undefined {
  const make = compileSource(rule, places);
  const compiled = (rule.steps ?? []).map(compileByteStep);
  const steps = compiled.filter((step) => step !== undefined);
  if (!make || steps.length < compiled.length) return undefined;
  return steps.length === 0 ? make : withSteps(make, steps);
}

function withSteps(make: ByteRule, steps: readonly ByteStep[]): ByteRule {
  return (out, tuple) => {
    const from = out.length;
    let isThere = make(out, tuple);
    for (const step of steps) isThere = step(out, from, isThere);
    return isThere;
  };
}

function compileSource(rule: ColumnRule, places: readonly number[]): ByteRule | undefined {
  if (rule.constant !== undefined) return constantOf(rule.constant);
  if (rule.concat) return concatOf(rule.separator ?? '', places);
  if (rule.template !== undefined) return templateOf(rule.template, places);
  if (rule.from === undefined && !rule.coalesce) return undefined;
  return (out, tuple) => {
    for (const place of places) if (writeSpan(out, tuple, place)) return true;
    return false;
  };
}

/** @returns false for null. */
function writeSpan(out: ByteWriter, { bytes, kinds, starts, ends, quoteBytes }: TupleSpans, column: number): boolean {
  if (kinds[column] === SPAN.null) return false;
  out.bytes(bytes, starts[column]! + quoteBytes, ends[column]! - quoteBytes);
  return true;
}

function constantOf(constant: string | null): ByteRule | undefined {
  if (constant === null) return () => false;
  if (!isPlainText(constant)) return undefined;
  const bytes = Buffer.from(constant);
  return (out) => {
    out.bytes(bytes);
    return true;
  };
}

function concatOf(separator: string, places: readonly number[]): ByteRule | undefined {
  if (!isPlainText(separator)) return undefined;
  const between = Buffer.from(separator);
  return (out, tuple) => {
    let isFirst = true;
    for (const place of places) {
      if (tuple.kinds[place] === SPAN.null) continue;
      if (!isFirst) out.bytes(between);
      writeSpan(out, tuple, place);
      isFirst = false;
    }
    return true;
  };
}

function templateOf(template: string, places: readonly number[]): ByteRule | undefined {
  // The configuration has refused what is none.
  const parts = parseTemplate(template)!;
  if (parts.some((part) => 'text' in part && !isPlainText(part.text))) return undefined;
  let next = 0;
  const filled = parts.map((part) => ('column' in part ? places[next++]! : Buffer.from(part.text)));
  return (out, tuple) => {
    for (const place of places) if (tuple.kinds[place] === SPAN.null) return false;
    for (const part of filled) {
      if (typeof part === 'number') writeSpan(out, tuple, part);
      else out.bytes(part);
    }
    return true;
  };
}
