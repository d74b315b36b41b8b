import { expect, test } from 'vitest';
import { numericDigits, typmodFits } from './typmod.js';

const numeric = (precision: number, scale: number) => ((precision << 16) | (scale & 0x7ff)) + 4;
const varchar = (length: number) => length + 4;

test('reads the digits of a numeric, negative scales too', () => {
  expect(numericDigits(numeric(10, 2))).toEqual({ whole: 8, scale: 2 });
  expect(numericDigits(numeric(3, -2))).toEqual({ whole: 5, scale: -2 });
  expect(numericDigits(-1)).toBeUndefined();
});

test.each([
  ['numeric', numeric(10, 2), numeric(12, 2), true],
  ['numeric', numeric(10, 2), numeric(12, 4), true],
  ['numeric', numeric(10, 2), numeric(10, 4), false],
  ['numeric', numeric(10, 2), numeric(10, 1), false],
  ['numeric', -1, numeric(38, 10), false],
  ['numeric', numeric(10, 2), -1, true],
  ['varchar', varchar(10), varchar(10), true],
  ['varchar', varchar(10), varchar(20), true],
  ['varchar', varchar(10), varchar(9), false],
  ['varchar', -1, varchar(9), false],
  ['bpchar', varchar(5), varchar(6), false],
  ['timestamptz', 3, 6, true],
  ['timestamptz', -1, 6, true],
  ['timestamptz', -1, 3, false],
  ['varbit', 8, 16, true],
  ['vector', 1536, 768, false],
  ['vector', 1536, -1, true],
] as const)('%s %i into %i: %s', (type, source, target, fits) => {
  expect(typmodFits(type, source, target)).toBe(fits);
});
