import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compareRows } from './compare-rows.js';

const row = (...values: (string | null)[]) => values;
const anyRows = fc.array(
  fc.array(fc.option(fc.constantFrom('a', 'b', ''), { nil: null }), { minLength: 1, maxLength: 2 }),
);

test('rows are counted: one that stands twice on one side only differs once', () => {
  const twice = [row('1'), row('1'), row('2')];
  expect(compareRows(twice, [row('2'), row('1')], { ordered: false })).toEqual([{ kind: 'missing', row: ['1'] }]);
  expect(compareRows([row('2'), row('1')], twice, { ordered: false })).toEqual([{ kind: 'extra', row: ['1'] }]);
});

test('null is no text, and a value does not run over into the next', () => {
  expect(compareRows([row(null)], [row('')], { ordered: false })).toHaveLength(2);
  expect(compareRows([row('a', 'b')], [row('a,b')], { ordered: false })).toHaveLength(2);
});

test('another order differs only where it counts, and is told by its first row', () => {
  const [source, target] = [
    [row('1'), row('2'), row('3')],
    [row('1'), row('3'), row('2')],
  ];
  expect(compareRows(source, target, { ordered: false })).toEqual([]);
  expect(compareRows(source, target, { ordered: true })).toEqual([
    { kind: 'order', at: 2, source: ['2'], target: ['3'] },
  ]);
});

test('as sets, answers are equal exactly when they are the same sorted', () => {
  const sorted = (rows: readonly unknown[]) => JSON.stringify(rows.map((one) => JSON.stringify(one)).sort());
  fc.assert(
    fc.property(anyRows, anyRows, (source, target) => {
      const isEqual = compareRows(source, target, { ordered: false }).length === 0;
      expect(isEqual).toBe(sorted(source) === sorted(target));
      expect(compareRows(source, [...source].reverse(), { ordered: false })).toEqual([]);
    }),
  );
});

test('in order, answers are equal exactly when they are the same', () => {
  fc.assert(
    fc.property(anyRows, anyRows, (source, target) => {
      const isEqual = compareRows(source, target, { ordered: true }).length === 0;
      expect(isEqual).toBe(JSON.stringify(source) === JSON.stringify(target));
    }),
  );
});
