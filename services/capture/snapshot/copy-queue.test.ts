import { expect, test } from 'vitest';
import { relationOf } from '../../../test/support/record-builder.js';
import { planOf } from '../../../test/support/table-plan.js';
import { CopyQueue } from './copy-queue.js';

const [users, posts] = [1, 2].map((id) => planOf(relationOf(id, `public.t${id}`, ['id'])));

test('hands out each table once, in order', () => {
  const queue = new CopyQueue([users!, posts!]);
  expect([queue.take(), queue.take(), queue.take()]).toEqual([users, posts, undefined]);
});

test('a table joins once, however often it is ordered, and wakes who waits', async () => {
  const queue = new CopyQueue([]);
  const joined = queue.joined();
  queue.join(users!);
  queue.join(users!);
  await joined;
  expect([queue.take(), queue.take()]).toEqual([users, undefined]);
});

test('a table that is being copied does not join: who copies it looks whether it is done', () => {
  const queue = new CopyQueue([users!]);
  queue.take();
  queue.join(users!);
  expect(queue.take()).toBeUndefined();
  queue.left(users!);
  queue.join(users!);
  expect(queue.take()).toBe(users);
});
