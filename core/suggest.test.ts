import { expect, test } from 'vitest';
import { didYouMean, editDistance, suggest } from './suggest.js';

test('counts insertions, deletions and substitutions', () => {
  expect(editDistance('kitten', 'sitting')).toBe(3);
  expect(editDistance('', 'abc')).toBe(3);
  expect(editDistance('same', 'same')).toBe(0);
});

test('suggests what is near, and nothing that is far', () => {
  expect(suggest('public.usres', ['public.jobs', 'public.users'])).toBe('public.users');
  expect(suggest('id', ['ix', 'other'])).toBe('ix');
  expect(suggest('invoice', ['customer', 'track'])).toBeUndefined();
  expect(didYouMean('x', [])).toBe('');
});
