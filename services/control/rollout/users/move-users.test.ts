import { expect, test } from 'vitest';
import { type PercentStep, percentStep } from './move-users.js';

test.each<[number, number | null, number, PercentStep]>([
  [10, null, 10, 'nothing'],
  [10, null, 50, 'begin'],
  [10, null, 0, 'begin'],
  [10, 50, 50, 'go-on'],
  [10, 50, 10, 'take-back'],
  [10, 50, 30, 'refused'],
  [10, 50, 0, 'refused'],
])('at %i %% on the way to %s, %i %% is to %s', (percent, to, wanted, expected) => {
  expect(percentStep({ percent, to }, wanted)).toBe(expected);
});
