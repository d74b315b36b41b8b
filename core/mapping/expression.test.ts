import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isComparedAsText, mayBeWritten } from './comparable-text.js';
import { compileExpression } from './compile-expression.js';
import { columnsOf, comparisonsOf, expressionProblem, parseExpression } from './expression.js';

const COLUMNS = [{ name: 'a' }, { name: 'b' }, { name: 'Odd "name"' }];
const holds = (text: string, ...row: (string | null)[]) => compileExpression(parseExpression(text), COLUMNS)(row);

describe('a condition holds as in SQL', () => {
  test.each([
    ["a = 'x'", ['x'], true],
    ["a = 'x'", ['y'], false],
    ["a = 'x'", [null], false],
    ["a <> 'x'", [null], false],
    ["a != 'x'", ['y'], true],
    ["not a = 'x'", [null], false],
    ['a is null', [null], true],
    ['a is not null', [null], false],
    ['not a is null', ['x'], true],
    ["a in ('x', 5)", ['5'], true],
    ["a not in ('x')", ['y'], true],
    ["a not in ('x')", [null], false],
    ["a = 'x' or b = 'y'", [null, 'y'], true],
    ["a = 'x' or b = 'y'", [null, 'z'], false],
    ["not (a = 'x' and b = 'y')", [null, 'z'], true],
    ["not (a = 'x' and b = 'y')", [null, 'y'], false],
    ["a = 'x' or b = 'y' and a = 'z'", ['x', null], true],
    ["(a = 'x' or b = 'y') and a = 'z'", ['x', 'y'], false],
    ['a = true AND b = False', ['t', 'f'], true],
    ["A = 'it''s'", ["it's"], true],
    ['"Odd ""name""" = -1.50', [null, null, '-1.50'], true],
    ['not not a is null', [null], true],
  ])('%s over %j: %s', (text, row, expected) => {
    expect(holds(text, ...row)).toBe(expected);
  });
});

test.each([
  ['', 'at character 1: a column expected, not the end'],
  ['a', 'at character 2: =, <>, in, not in, is null or is not null expected, not the end'],
  ['a = b', 'at character 5: a value expected, not b'],
  ["a > 'x'", 'at character 3: nothing begins with >'],
  ["a = 'x' b", 'at character 9: and, or, or the end expected, not b'],
  ["a in ('x'", 'at character 10: ) expected, not the end'],
  ['a in ()', 'at character 7: a value expected, not )'],
  ["a = 'x", "at character 5: nothing begins with '"],
  ['a = 5x', 'at character 5: nothing begins with 5'],
  ['null = 1', 'at character 1: a column expected, not null'],
  ['lower(a) = 1', 'at character 6: =, <>, in, not in, is null or is not null expected, not ('],
])('%s is none', (text, problem) => {
  expect(expressionProblem(text)).toBe(problem);
});

test('its columns and comparisons are known', () => {
  const expression = parseExpression("a = 1 and not (b in ('x', 'y') or a is null)");
  expect(columnsOf(expression)).toEqual(['a', 'b']);
  expect(comparisonsOf(expression).map(({ column, values }) => [column, values])).toEqual([
    ['a', ['1']],
    ['b', ['x', 'y']],
  ]);
});

test('any value may be compared with', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (value, other) => {
      const text = `a = '${value.replaceAll("'", "''")}'`;
      expect(holds(text, value)).toBe(true);
      expect(holds(text, other)).toBe(value === other);
    }),
  );
});

test.each([
  [23, '7', true],
  [23, '07', false],
  [23, '-0', false],
  [16, 't', true],
  [16, 'true', false],
  [2950, '6ba7b810-9dad-11d1-80b4-00c04fd430c8', true],
  [2950, '6BA7B810-9DAD-11D1-80B4-00C04FD430C8', false],
  [1082, '2026-01-31', true],
  [1082, '2026-1-31', false],
  [25, '', true],
  [99_999, 'anything', true],
])('of type %i a value may be written %s: %s', (type, text, expected) => {
  expect(mayBeWritten(text, { type })).toBe(expected);
});

test('values that may be written in two ways are not compared', () => {
  for (const type of [1700, 701, 1184, 1042, 3802]) expect(isComparedAsText({ type })).toBe(false);
});
