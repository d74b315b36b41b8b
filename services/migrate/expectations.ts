import { FerryError } from '../../core/errors.js';
import { directives } from './file-text.js';
import type { SchemaObject } from './inventory.js';

/** One thing that was looked at. */
export interface Assertion {
  readonly name: string;
  readonly ok: boolean;
  /** Of the test's file, where it has one. */
  readonly line?: number;
  /** What was found instead. */
  readonly message?: string;
}

/** What `-- ferry: expect ...` lines say of the schema as a whole. */
export type Expectation =
  | { readonly kind: string; readonly count: number; readonly isLeast: boolean; readonly schemas: readonly string[] }
  | { readonly exists: string; readonly kind: string }
  | { readonly maxBytes: number };

/** As people write them, and as the inventory has them. */
const KINDS: Readonly<Record<string, string>> = {
  schemas: 'schema',
  extensions: 'extension',
  tables: 'table',
  views: 'view',
  indexes: 'index',
  policies: 'policy',
  functions: 'function',
  triggers: 'trigger',
  enums: 'enum',
  sequences: 'sequence',
};

const UNITS: Readonly<Record<string, number>> = { MB: 2 ** 20, GB: 2 ** 30, TB: 2 ** 40 };

/**
 * Reads `-- ferry: expect tables=30 indexes>=80 in public, growth`, `-- ferry: expect function growth.rank`, and
 * `-- ferry: expect size<=10GB`.
 * @throws FerryError `config-invalid` about what is none of these.
 */
export function parseExpectations(file: string, text: string): Expectation[] {
  return directives(text, 'expect').flatMap((line) => {
    const exists = /^(table|column|view|function|policy|trigger|index|extension|schema|enum) (\S.*)$/.exec(line);
    if (exists) return [{ kind: exists[1]!, exists: exists[2]! }];
    const [words, schemas = ''] = line.split(/\s+in\s+/) as [string, string?];
    const within = schemas.split(/[\s,]+/).filter(Boolean);
    return words
      .split(/[\s,]+/)
      .filter(Boolean)
      .map((word) => expectation(word, within) ?? refuse(file, line));
  });
}

function expectation(word: string, schemas: readonly string[]): Expectation | undefined {
  const size = /^size<=(\d+)(MB|GB|TB)$/.exec(word);
  if (size) return { maxBytes: Number(size[1]) * UNITS[size[2]!]! };
  const count = /^(\w+)(>?)=(\d+)$/.exec(word);
  const kind = KINDS[count?.[1] ?? ''];
  return count && kind ? { kind, count: Number(count[3]), isLeast: count[2] === '>', schemas } : undefined;
}

function refuse(file: string, line: string): never {
  throw new FerryError('config-invalid', `${file}: -- ferry: expect ${line}: not understood`, {
    remedy: `Write such as: tables=30 indexes>=80 in public, growth; function growth.rank; size<=10GB. What can be counted: ${Object.keys(KINDS).join(', ')}.`,
  });
}

/** @param size of the database, in bytes. */
export function checkExpectations(
  expectations: readonly Expectation[],
  { objects, bytes }: { readonly objects: readonly SchemaObject[]; readonly bytes: number },
): Assertion[] {
  return expectations.map((one) => {
    if ('maxBytes' in one) return atMost(one.maxBytes, bytes);
    const { kind } = one;
    if ('exists' in one) {
      const name = `${kind} ${one.exists} is there`;
      const ok = objects.some((object) => object.kind === kind && isNamed(object, one.exists));
      return ok ? { name, ok } : { name, ok, message: 'it is missing' };
    }
    const { schemas, count, isLeast } = one;
    const found = objects.filter((object) => object.kind === kind && isIn(object, schemas)).length;
    const name = `${isLeast ? 'at least ' : ''}${count} of kind ${kind}${schemas.length > 0 ? ` in ${schemas.join(', ')}` : ''}`;
    return found === count || (isLeast && found > count)
      ? { name, ok: true }
      : { name, ok: false, message: `there are ${found}` };
  });
}

function atMost(maxBytes: number, bytes: number): Assertion {
  const name = `the database has at most ${megabytes(maxBytes)}`;
  return bytes <= maxBytes ? { name, ok: true } : { name, ok: false, message: `it has ${megabytes(bytes)}` };
}

const megabytes = (bytes: number): string => `${Math.round(bytes / 2 ** 20)} MB`;

/** Of a function all of a name count, whatever their arguments, unless these are given. */
const isNamed = ({ name }: SchemaObject, asked: string): boolean => name === asked || name.startsWith(`${asked}(`);

const isIn = ({ name }: SchemaObject, schemas: readonly string[]): boolean =>
  schemas.length === 0 || schemas.some((schema) => name === schema || name.startsWith(`${schema}.`));
