import { expect, test } from 'vitest';
import { likeness, rarity, singular, wordsOf } from './words.js';

test.each([
  ['vendor_api_keys_v2', ['vendor', 'api', 'key']],
  ['vendorApiKeys', ['vendor', 'api', 'key']],
  ['users_old_2023', ['user']],
  ['v2', ['v2']],
  ['news', ['new']],
  ['beneficiaries', ['beneficiary']],
  ['addresses', ['address']],
  ['status', ['status']],
  ['Größen', ['größen']],
])('%s is %j', (name, words) => {
  expect(wordsOf(name)).toEqual(words);
});

test('a plural and its singular are one word', () => {
  for (const [many, one] of [
    ['policies', 'policy'],
    ['boxes', 'box'],
    ['keys', 'key'],
    ['analytics', 'analytic'],
    ['taxes', 'tax'],
  ] as const) {
    expect(singular(many)).toBe(singular(one));
  }
});

test('rare words tell more than those that every name has', () => {
  const names = [
    ['user', 'key'],
    ['order', 'key'],
    ['vendor', 'key'],
    ['vendor', 'log'],
  ];
  const weight = rarity(names);
  expect(weight('key')).toBeLessThan(weight('vendor'));
  expect(likeness(['vendor', 'key'], ['vendor', 'log'], weight)).toBeGreaterThan(
    likeness(['vendor', 'key'], ['user', 'key'], weight),
  );
  expect(likeness(['a'], ['a'], weight)).toBe(1);
  expect(likeness(['a'], ['b'], weight)).toBe(0);
});
