import { expect, test } from 'vitest';
import { type Partition, partitionChanges } from './partition-tree.js';

const known = { 1: { name: 'public.a', file: '10' }, 2: { name: 'public.b', file: '20' } };
const partition = (oid: string, file: string, isUncounted = false): Partition => ({
  oid,
  schema: 'public',
  table: 'x',
  file,
  isUncounted,
  isEmpty: false,
  isAltered: false,
});
const [a, b] = [partition('1', '10'), partition('2', '20')];

test('nothing has changed', () => {
  expect(partitionChanges(known, [a, b])).toEqual({ attached: [], gone: [], emptied: [], rewritten: [] });
});

test('one is attached, one is gone', () => {
  const c = partition('3', '30', true);
  expect(partitionChanges(known, [a, c])).toEqual({ attached: [c], gone: ['public.b'], emptied: [], rewritten: [] });
});

test('whose file is not known any more, because the root was truncated, may have any', () => {
  const truncated = { 1: { name: 'public.a' }, 2: known[2] };
  const emptied = partition('2', '21', true);
  expect(partitionChanges(truncated, [partition('1', '11', true), emptied])).toMatchObject({
    attached: [],
    gone: [],
    emptied: [emptied],
  });
  expect(partitionChanges(truncated, [b])).toMatchObject({ gone: ['public.a'] });
});

test('of a table that is copied again one may be gone', () => {
  const again = { 1: { name: 'public.a', mayBeGone: true as const }, 2: known[2] };
  expect(partitionChanges(again, [b])).toEqual({ attached: [], gone: [], emptied: [], rewritten: [] });
});

test('another file means TRUNCATE where the catalog knows nothing of the rows', () => {
  const counted = partition('2', '21');
  const uncounted = partition('2', '21', true);
  expect(partitionChanges(known, [a, counted])).toMatchObject({ emptied: [], rewritten: [counted] });
  expect(partitionChanges(known, [a, uncounted])).toMatchObject({ emptied: [uncounted], rewritten: [] });
});
