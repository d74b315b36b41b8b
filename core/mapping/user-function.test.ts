import { expect, test } from 'vitest';
import { RuleFailure } from './rule-kit.js';
import { guarded, type MappingFunction } from './user-function.js';

test('gives what the function gives', () => {
  const joined = guarded('joined', (...values) => values.join('-'));
  expect(joined(['a', null, 'b'])).toBe('a--b');
  expect(guarded('none', () => null)(['a'])).toBeNull();
});

let calls = 0;
test.each<[string, unknown, string]>([
  [
    'throws',
    () => {
      throw new TypeError('the secret value');
    },
    'the function f throws TypeError',
  ],
  ['returns a promise', () => Promise.resolve('x'), 'the function f returns a promise, not text or null'],
  ['returns a number', () => 5, 'the function f returns number, not text or null'],
  ['returns nothing', () => {}, 'the function f returns undefined, not text or null'],
  ['counts', () => String(calls++), 'the function f is not deterministic: it gives two answers to the same values'],
])('refuses one that %s', (_, call, message) => {
  expect(() => guarded('f', call as MappingFunction)(['secret'])).toThrow(new RuleFailure(message));
});
