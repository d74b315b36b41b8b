import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { sideTable } from '../../../test/support/mapped-sides.js';
import { columnRuleSchema } from '../column-rule.js';
import { compileSteps } from '../compile-steps.js';
import { stepsBack } from './steps-back.js';

function back(steps: string, old: string, now: string) {
  const rule = columnRuleSchema.parse({ from: 'a', steps: parse(steps) });
  const [from, to] = [sideTable(`a ${old}`), sideTable(`b ${now}`)].map(({ columns }) => columns[0]!);
  return { forward: compileSteps(rule.steps!), found: stepsBack(rule.steps!, from!, to!) };
}

test.each([
  ['[{map: {open: active, shut: closed}}]', 'text', 'text', ['open', 'shut', null]],
  ['[{map: {a: admin, m: member}, else: other}]', 'enum(a,m,x)', 'enum(admin,member,other)', ['a', 'm', 'x', null]],
  ['[{map: {a: admin}}]', 'enum(a,m)', 'text', ['a', null]],
  ['[{map: {t: on, f: off}}, {default: unknown}]', 'bool', 'text', ['t', 'f', null]],
  ['[{map: {t: 1, f: 0}}]', 'bool', 'int4', ['t', 'f', null]],
  ['[upper, {suffix: "!"}]', 'enum(a,m)', 'text', ['a', 'm', null]],
  ['[{nullif: a}, {default: z}]', 'enum(a,m)!', 'text', ['a', 'm']],
  ['[{nullif: x}]', 'enum(a,m)', 'text', ['a', 'm', null]],
  ['[{prefix: growth/}]', 'text', 'text', ['', 'growth/', 'a/growth/b', 'growth/growth/', null]],
  ['[{suffix: .png}]', 'text', 'varchar(90)', ['', '.png', '.png.png', 'a.pngb', null]],
  ['[{prefix: a}, {suffix: b}, {prefix: c}]', 'int4', 'text', ['12', '-1', null]],
  ['[{split: ","}]', 'text', 'text[]', ['', 'a', ',', 'a,"b",,NULL', 'x\\,{}', null]],
  ['[{prefix: "a,"}, {split: ","}]', 'text', 'text[]', ['', 'b,c', null]],
  ['[{default: none}]', 'int4', 'text', ['1', null]],
  ['[{default: none}, {prefix: p}]', 'int4', 'text', ['1', null]],
  ['[{default: 0}]', 'int4!', 'int4', ['0', '1']],
] as const)('%s of %s as %s is undone', (steps, old, now, values) => {
  const { forward, found } = back(steps, old, now);
  const undo = compileSteps(found!.steps);
  for (const value of values) expect(undo(forward(value)), JSON.stringify(value)).toBe(value);
});

test.each([
  ['[trim]', 'text', 'text'],
  ['[lower]', 'enum(a,A)', 'text'],
  ['[{map: {a: x, b: x}}]', 'text', 'text'],
  ['[{map: {a: x, b: null}}]', 'text', 'text'],
  ['[{map: {a: x}, else: y}]', 'text', 'text'],
  ['[{map: {a: x}, else: y}]', 'enum(a,b,c)', 'text'],
  ['[{default: x}, {map: {a: 1, x: 2}}]', 'enum(a,x)', 'text'],
  // Neither is what the new column writes for it.
  ['[{map: {a: "01"}}]', 'text', 'int4'],
  ['[{map: {a: "true"}}]', 'text', 'bool'],
  ['[{map: {a: 1}}]', 'text', 'numeric(4,2)'],
  ['[{default: 0}]', 'int4', 'int4'],
  ['[{default: x}]', 'text', 'text'],
  ['[{nullif: x}]', 'text', 'text'],
  ['[{replace: {a: b}}]', 'text', 'text'],
  ['[{json: a}]', 'jsonb', 'text'],
  ['[{join: ","}]', 'text[]', 'text'],
  ['[{split: ","}]', 'text', 'int4[]'],
  ['[{split: ","}, {prefix: x}]', 'text', 'text'],
  ['[{prefix: "1"}]', 'int4', 'int4'],
  ['[{prefix: x}]', 'timestamptz', 'text'],
])('%s of %s as %s is not', (steps, old, now) => {
  expect(back(steps, old, now).found).toBeUndefined();
});

test('a value without the text that the mapping puts there stays as it is', () => {
  const undo = (steps: string) => compileSteps(back(steps, 'text', 'text').found!.steps);
  expect(undo('[{prefix: a}]')('ba')).toBe('ba');
  expect(undo('[{suffix: a}]')('ab')).toBe('ab');
});

test('values that the new project may write and the old one does not take are named', () => {
  const limits = (steps: string, old: string, now: string) => back(steps, old, now).found!.limits;
  expect(limits('[{map: {a: x, b: y}}]', 'text', 'enum(x,y)')).toEqual([]);
  expect(limits('[{map: {a: x, b: y}}]', 'text', 'enum(x,y,z)')).toEqual([
    'z stands for no value of a, and halts the way back',
  ]);
  expect(limits('[{map: {t: x, f: y}}]', 'bool', 'text')).toEqual([
    'another value than those of the rule stands for no value of a, and halts the way back',
  ]);
  expect(limits('[{map: {t: t, f: f}}]', 'bool', 'bool')).toEqual([]);
  expect(limits('[{prefix: x}]', 'int4', 'text')).toEqual([
    'one that does not begin with "x" comes back as it is',
    'a is int4, which refuses or rounds what it does not hold',
  ]);
});
