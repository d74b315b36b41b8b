import { expect, test } from 'vitest';
import { formatResnapshotOrder, parseResnapshotOrder } from './resnapshot-order.js';

test('an order says pipeline and table, whatever they are called', () => {
  const order = { pipeline: 'mine', table: 'public.it"s {odd}' };
  expect(parseResnapshotOrder(formatResnapshotOrder(order))).toEqual(order);
});

test.each(['', 'public.orders', '{"pipeline":"mine"}', 'null', '["mine","public.orders"]'])(
  '%j is no order',
  (content) => expect(parseResnapshotOrder(content)).toBeUndefined(),
);
