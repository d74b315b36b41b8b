import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { FerryError } from '../errors.js';
import { formatPlace } from '../mapping.js';
import { parseYamlFile } from './yaml-file.js';

const schema = z.strictObject({
  name: z.string().min(1),
  size: z.number().int().optional(),
  url: z.string().optional(),
  parts: z.array(z.strictObject({ id: z.string() })).optional(),
  nested: z.record(z.string(), z.strictObject({ from: z.string() })).optional(),
});

const parse = (text: string, env: Record<string, string | undefined> = {}) =>
  parseYamlFile('a.yaml', text, schema, env);

function problems(text: string, env: Record<string, string | undefined> = {}): { code: string; lines: string[] } {
  try {
    parse(text, env);
  } catch (error) {
    expect(error).toBeInstanceOf(FerryError);
    const { code, message, details } = error as FerryError;
    expect(details).toEqual({ file: 'a.yaml' });
    return { code, lines: message.split('\n') };
  }
  throw new Error('it was accepted');
}

describe('parseYamlFile names file, line and column of', () => {
  test.each([
    ['an unclosed quote', 'name: "x\n', 'a.yaml:2:1: '],
    ['a list that is not closed', 'name: x\nparts: [1, 2\n', 'a.yaml:3:1: '],
    ['a key given twice', 'name: x\nname: y\n', 'a.yaml:2:1: '],
    ['a tab for indentation', 'name: x\nnested:\n\ta: b\n', 'a.yaml:3:1: '],
    ['text behind a value', 'name: x\nparts: [] oops\n', 'a.yaml:2:11: '],
    ['two documents', 'name: x\n---\nname: y\n', 'a.yaml:2:1: '],
  ])('malformed YAML: %s', (_, text, place) => {
    const { code, lines } = problems(text);
    expect(code).toBe('config-invalid');
    expect(lines[0]).toMatch(new RegExp(`^${place}\\S`));
  });

  test('an unknown key, at the key', () => {
    expect(problems('name: x\nnested:\n  a:\n    from: b\n    form: c\n')).toEqual({
      code: 'config-invalid',
      lines: ['a.yaml:5:5: nested.a: Unrecognized key: "form"; did you mean from?'],
    });
    expect(problems('name: x\n# a comment\nextra: 1\n').lines).toEqual(['a.yaml:3:1: Unrecognized key: "extra"']);
  });

  test('a value of the wrong type, at the value', () => {
    expect(problems('name: x\nsize: many\n').lines).toEqual([
      'a.yaml:2:7: size: Invalid input: expected number, received string',
    ]);
    expect(problems('name: x\nparts:\n  - id: a\n  - id: 7\n').lines).toEqual([
      'a.yaml:4:9: parts.1.id: Invalid input: expected string, received number',
    ]);
  });

  test('a value that is missing, at what should hold it', () => {
    expect(problems('size: 1\n').lines).toEqual([
      'a.yaml:1:1: name: Invalid input: expected string, received undefined',
    ]);
    expect(problems('name: x\nnested:\n  a: {}\n').lines).toEqual([
      'a.yaml:3:6: nested.a.from: Invalid input: expected string, received undefined',
    ]);
  });

  test('every problem, not only the first', () => {
    expect(problems('name: 1\nsize: x\nextra: y\n').lines.map((line) => line.split(': ')[0])).toEqual([
      'a.yaml:1:7',
      'a.yaml:2:7',
      'a.yaml:3:1',
    ]);
  });

  test('an empty file', () => {
    expect(problems('').lines).toEqual(['a.yaml:1:1: name: Invalid input: expected string, received undefined']);
    expect(problems('# nothing here\n').lines).toHaveLength(1);
  });

  test('a file that is no mapping', () => {
    expect(problems('just text\n').lines).toEqual(['a.yaml:1:1: Invalid input: expected object, received string']);
  });
});

describe('environment references', () => {
  const url = (text: string, env: Record<string, string | undefined> = {}) =>
    parse(`name: x\nurl: '${text}'`, env).value.url;

  test('are replaced, alone or within a text', () => {
    expect(url('${URL}', { URL: 'postgres://a' })).toBe('postgres://a');
    expect(url('http://${HOST}:${PORT}/', { HOST: 'h', PORT: '1' })).toBe('http://h:1/');
  });

  test('fall back to their default when the variable is not set or empty', () => {
    expect(url('${URL:-there}', {})).toBe('there');
    expect(url('${URL:-there}', { URL: '' })).toBe('there');
    expect(url('${URL:-there}', { URL: 'here' })).toBe('here');
    expect(url('a${URL:-}b', {})).toBe('ab');
    expect(url('${URL:-host:5432/db?a=1}', {})).toBe('host:5432/db?a=1');
  });

  test('are not replaced within what was put in', () => {
    expect(url('${A}', { A: '${B}', B: 'no' })).toBe('${B}');
  });

  test('$${ stands for ${, and other dollars for themselves', () => {
    expect(url('$${URL}', { URL: 'no' })).toBe('${URL}');
    expect(url('$URL $1 100$ ${} ${1A}', { URL: 'no' })).toBe('$URL $1 100$ ${} ${1A}');
  });

  test('reach into lists and maps, and leave keys as they are', () => {
    const { value } = parse('name: x\nparts: [{ id: "${A}" }]\nnested: { "${A}": { from: "${A}" } }', { A: 'a' });
    expect(value.parts).toEqual([{ id: 'a' }]);
    expect(value.nested).toEqual({ '${A}': { from: 'a' } });
  });

  test('name each variable that is not set, with its place', () => {
    expect(problems('name: "${A}"\nurl: "x ${B} ${C:-c}"\nparts:\n  - id: "${D}"\n', { B: '' })).toEqual({
      code: 'env-missing',
      lines: [
        'a.yaml:1:7: the environment variable A is not set',
        'a.yaml:2:6: the environment variable B is not set',
        'a.yaml:4:9: the environment variable D is not set',
      ],
    });
  });

  test('never show in an error what a variable holds', () => {
    const { lines } = problems('name: x\nsize: "${SECRET}"\nparts: "${SECRET}"\n', { SECRET: 'hunter2' });
    expect(lines.join()).not.toContain('hunter2');
  });
});

describe('places', () => {
  const file = parse('name: x\nnested:\n  first: &a { from: one }\n  second: *a\n');
  const place = (path: string[]) => formatPlace(file.placeOf(path));
  const keyPlace = (path: string[]) => formatPlace(file.placeOfKey(path));

  test('are those of the value and of its key', () => {
    expect(place(['nested', 'first', 'from'])).toBe('a.yaml:3:21');
    expect(keyPlace(['nested', 'first', 'from'])).toBe('a.yaml:3:15');
    expect(keyPlace(['name'])).toBe('a.yaml:1:1');
  });

  test('fall back to the nearest that is there', () => {
    expect(place(['nested', 'first', 'gone'])).toBe(place(['nested', 'first']));
    expect(place(['gone', 'deep'])).toBe('a.yaml:1:1');
    expect(keyPlace(['nested', 'gone'])).toBe(place(['nested']));
  });

  test('of what stands behind an alias are the alias', () => {
    expect(file.value.nested!.second).toEqual({ from: 'one' });
    expect(place(['nested', 'second', 'from'])).toBe('a.yaml:4:11');
  });

  test('hold with Windows line ends', () => {
    expect(problems('name: x\r\nsize: many\r\n').lines[0]).toMatch(/^a\.yaml:2:7: /);
  });
});
