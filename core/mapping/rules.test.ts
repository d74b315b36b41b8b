import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { parsePipeline } from '../config/pipeline.js';
import { arrayText, parseArrayText } from './array-text.js';
import { type ColumnRule, columnRuleSchema } from './column-rule.js';
import { compileRule } from './compile-rule.js';
import { jsonAt, parseJsonPath } from './json-path.js';
import { RULE_EXAMPLES, type RuleExample, STEP_EXAMPLES } from './rule-examples.js';
import { RuleFailure } from './rule-kit.js';
import { parseTemplate } from './template.js';

const kit = {
  sha1: (bytes: Uint8Array) => createHash('sha1').update(bytes).digest(),
  functions: new Map([['initials', (name: string | null) => name!.replaceAll(/[^A-Z]/g, '')]]),
};
const TYPES: Readonly<Record<string, number>> = { bool: 16, int8: 20, text: 25, json: 114, numeric: 1700, jsonb: 3802 };

/** What a rule makes of a row; column names may say their type: `n:numeric`. */
/** A rule as it stands in a mapping with another table. */
function resolved(rule: string, beside: string): ColumnRule {
  const text = `schema: shared\ntables:\n  ${beside}\n  t: {from: public.t, columns: {it: ${rule}}}\n`;
  const pipeline = { path: 'pipeline.yaml', text: 'pipeline: p\nsource: {url: s}\ntarget: {url: t}\n' };
  const { tables } = parsePipeline({ pipeline, mappings: [{ path: 'mapping/shared.yaml', text }] }, {});
  return tables.at(-1)!.rules!.columns.get('it')!;
}

function evaluate(rule: string, row: Readonly<Record<string, string | null>>, beside?: string): string | null {
  const columns = Object.keys(row).map((name) => {
    const [plain, type = 'text'] = name.split(':');
    return { name: plain!, type: TYPES[type]!, typmod: -1, key: false };
  });
  const read = beside === undefined ? columnRuleSchema.parse(parse(rule)) : resolved(rule, beside);
  return compileRule(read, columns, kit).evaluate(Object.values(row));
}

describe('every rule and step', () => {
  const all: [string, RuleExample][] = [...Object.entries(RULE_EXAMPLES), ...Object.entries(STEP_EXAMPLES)];
  test.each(all)('%s makes what its example says', (_, { rule, beside, row, gives }) => {
    expect(evaluate(rule, row, beside)).toBe(gives);
  });
});

describe('nulls', () => {
  test.each([
    ['{template: "{a} {b}"}', null],
    ['{concat: [a, b]}', 'x'],
    ['{concat: [b, b]}', ''],
    ['{coalesce: [b, b]}', null],
    ['{uuid: [a, b], namespace: 6ba7b810-9dad-11d1-80b4-00c04fd430c8}', null],
    ['{from: b, steps: [trim, {prefix: p}, {map: {x: y}}]}', null],
    ['{from: b, steps: [{default: d}, {prefix: p}]}', 'pd'],
    ['{from: a, steps: [{nullif: x}, {default: d}]}', 'd'],
    ['{from: a, steps: [{map: {x: null}}]}', null],
  ])('%s', (rule, gives) => {
    expect(evaluate(rule, { a: 'x', b: null })).toBe(gives);
  });
});

test.each([
  ['{from: a, steps: [{map: {open: active}}]}', 'secret', '`map` does not have its value'],
  ['{from: a, steps: [{json: b}]}', 'secret', 'its value is not JSON'],
  ['{from: a, steps: [{json: b}]}', '{"b": ', 'its value is not JSON'],
  ['{from: a, steps: [{join: ","}]}', '{{secret},{b}}', 'its value is not an array of one dimension'],
])('%s refuses a value without saying it', (rule, a, message) => {
  expect(() => evaluate(rule, { a })).toThrow(new RuleFailure(message));
});

test('values in YAML are text: booleans as PostgreSQL writes them', () => {
  expect(evaluate('{constant: true}', {})).toBe('t');
  expect(evaluate('{constant: 5}', {})).toBe('5');
  expect(evaluate('{constant: null}', {})).toBe(null);
  expect(evaluate('{from: a, steps: [{map: {t: 1, f: 0}}]}', { a: 'f' })).toBe('0');
});

test('a JSON object has the types of its columns, and no digit is lost', () => {
  const row = {
    'n:numeric': '12345678901234567890.10',
    'nan:numeric': 'NaN',
    'b:bool': 't',
    'j:jsonb': '{"x": 1.0}',
    s: 'a"b',
  };
  expect(evaluate('{object: {n: n, nan: nan, b: b, j: j, s: s}}', row)).toBe(
    '{"n": 12345678901234567890.10, "nan": "NaN", "b": true, "j": {"x": 1.0}, "s": "a\\"b"}',
  );
});

describe('JSON paths', () => {
  test.each([
    ['a', '{"a": 1.0}', '1.0'],
    ['$.a.b', '{"a": {"b": "x\\ny"}}', 'x\ny'],
    ['a[1]', '{"a": [[1, "]"], {"b": [2, 3]}]}', '{"b": [2, 3]}'],
    ['[0]', '[12345678901234567890]', '12345678901234567890'],
    ['"a.b"."c""d"', '{"a.b": {"c\\"d": true}}', 'true'],
    ['a', '{"a": null}', null],
    ['a.b', '{"a": "b"}', null],
    ['a[2]', '{"a": [1, 2]}', null],
    ['a', '{"b": {"a": 1}, "c": "a"}', null],
    ['a', '[]', null],
    ['a', '{"a": 1, "a": 2}', '2'],
    ['a', '{}', null],
  ])('%s of %s', (path, text, found) => {
    expect(jsonAt(text, parseJsonPath(path)!)).toBe(found);
  });

  test.each(['', '$', 'a..b', 'a[', 'a[x]', '.', 'a"b"', 'a.b]'])('%j is none', (text) => {
    expect(parseJsonPath(text)).toBeUndefined();
  });

  test('every member of every value is found as JSON has it', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (object) => {
        const text = JSON.stringify(object);
        for (const [key, value] of Object.entries(JSON.parse(text) as object)) {
          const found = jsonAt(text, [key]);
          if (value === null) expect(found).toBeNull();
          else expect(typeof value === 'string' ? found : JSON.parse(found!)).toEqual(value);
        }
      }),
    );
  });
});

test('an array that is split and joined is what it was', () => {
  fc.assert(
    fc.property(fc.array(fc.string()), (elements) => {
      expect(parseArrayText(arrayText(elements))).toEqual(elements);
    }),
  );
  expect(parseArrayText('{}')).toEqual([]);
  expect(parseArrayText('{NULL,"NULL",a b}')).toEqual([null, 'NULL', 'a b']);
  for (const text of ['', '{', 'a', '{a', '{{a}}', '[2:3]={a,b}', '{a,}']) {
    expect(() => parseArrayText(text), text).toThrow(SyntaxError);
  }
});

test('templates', () => {
  expect(parseTemplate('{{{a}}}')).toEqual([{ text: '{' }, { column: 'a' }, { text: '}' }]);
  for (const text of ['{', '}', '{}', '{a', 'a}']) expect(parseTemplate(text), text).toBeUndefined();
});

test('UUIDs are those of the version and the variant, of long names as of short ones', () => {
  const namespace = '6ba7b810-9dad-11d1-80b4-00c04fd430c8';
  const of = (name: string) => evaluate(`{uuid: [name], namespace: ${namespace}}`, { name })!;
  const space = Buffer.from(namespace.replaceAll('-', ''), 'hex');
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('a', 'ü', '日', '🚢'), maxLength: 400 }), (name) => {
      const hash = createHash('sha1').update(space).update(name).digest();
      hash[6] = (hash[6]! & 0x0f) | 0x50;
      hash[8] = (hash[8]! & 0x3f) | 0x80;
      expect(of(name)).toBe(hash.toString('hex', 0, 16).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5'));
    }),
  );
});
