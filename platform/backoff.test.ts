import { expect, test } from 'vitest';
import { Backoff } from './backoff.js';

test('pauses grow to the last one, and begin again after a success', () => {
  const backoff = new Backoff({ firstMs: 100, lastMs: 1_000 });
  const pauses = Array.from({ length: 60 }, () => backoff.next());
  expect(pauses[0]).toBeGreaterThanOrEqual(100);
  expect(pauses[0]).toBeLessThanOrEqual(200);
  expect(pauses[2]).toBeGreaterThanOrEqual(400);
  expect(pauses.slice(5)).toEqual(Array.from({ length: 55 }, () => 1_000));
  backoff.reset();
  expect(backoff.next()).toBeLessThanOrEqual(200);
});
