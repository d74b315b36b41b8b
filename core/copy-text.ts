import type { Value } from './record.js';

/**
 * PostgreSQL's COPY text format: fields between tabs, `\N` for null, backslash escapes.
 * @see https://www.postgresql.org/docs/current/sql-copy.html#SQL-COPY-FILE-FORMATS
 */

/** A value as a field. Unchanged values have no COPY form: the caller must not have any. */
export function copyField(value: Exclude<Value, false>): string {
  if (value === null) return '\\N';
  return NEEDS_ESCAPE.test(value) ? value.replaceAll(ESCAPED, (char) => ESCAPES[char]!) : value;
}

export function copyLine(values: readonly Exclude<Value, false>[]): string {
  return `${values.map(copyField).join('\t')}\n`;
}

/** The inverse of {@link copyField}, for what COPY TO writes: it never writes octal or hex escapes. */
export function parseCopyField(field: string): string | null {
  if (field === '\\N') return null;
  if (!field.includes('\\')) return field;
  return field.replaceAll(/\\(.)/gs, (_, char: string) => UNESCAPES[char] ?? char);
}

const NEEDS_ESCAPE = /[\\\b\f\n\r\t\v]/;
const ESCAPED = /[\\\b\f\n\r\t\v]/g;
const ESCAPES: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
};
const UNESCAPES: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' };
