import { expect, test } from 'vitest';
import { formatRepairOrder, parseRepairOrder } from './repair-order.js';

test('an order says pipeline, table and rows, whatever they are called', () => {
  const rows = [{ key: ['1', 'it"s'] }, { key: ['2', ''], isExtra: true }];
  const order = { pipeline: 'mine', table: 'public.it"s {odd}', columns: ['a', 'b'], rows };
  expect(parseRepairOrder(formatRepairOrder(order))).toEqual(order);
});

test.each([
  '',
  'null',
  '{"pipeline":"mine","table":"public.t"}',
  '{"pipeline":"mine","table":"public.t","columns":["a"],"rows":[{"key":["1","2"]}]}',
  '{"pipeline":"mine","table":"public.t","columns":[],"rows":[{"key":[]}]}',
  JSON.stringify({ pipeline: 'mine', table: 'public.t', columns: ['a'], rows: Array(501).fill({ key: ['1'] }) }),
])('%.80j is no order', (content) => expect(parseRepairOrder(content)).toBeUndefined());
