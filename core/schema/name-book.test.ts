import { expect, test } from 'vitest';
import { NameBook } from './name-book.js';

test('the first of a name gets it, the next gets its source schema in front', () => {
  const names = new NameBook([{ schema: 'growth', name: 'jobs' }]);
  expect(names.claim('growth', 'status', 'public')).toBe('status');
  expect(names.claim('growth', 'status', 'auth')).toBe('auth_status');
  expect(names.claim('growth', 'status', 'auth')).toBe('auth_status_2');
  expect(names.claim('shared', 'status', 'auth')).toBe('status');
  expect(names.claim('growth', 'jobs', 'public')).toBe('public_jobs');
});

test('a name stays within what PostgreSQL keeps of it', () => {
  const names = new NameBook();
  const long = `${'x'.repeat(59)}äöü`;
  const first = names.claim('growth', long, 'public');
  expect(first).toBe(`${'x'.repeat(59)}äö`);
  const second = names.claim('growth', long, 'public');
  expect(Buffer.byteLength(second)).toBeLessThanOrEqual(63);
  expect(second).toBe(`public_${'x'.repeat(56)}`);
});
