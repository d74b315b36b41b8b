import { expect, test } from 'vitest';
import { type Partition, partitionChanges } from './partition-tree.js';

const known = { 1: { name: 'public.a', file: '10' }, 2: { name: 'public.b', file: '20' } };
const partition = (oid: string, file: string, isUncounted = false): Partition => ({
  oid,
  schema: 'public',
  table: 'x',
  file,
  isUncounted,
});
const [a, b] = [partition('1', '10'), partition('2', '20')];

test('nothing has changed', () => {
  expect(partitionChanges(known, [a, b], true)).toEqual({ attached: [], gone: [], emptied: [] });
});

test('one is attached, one is gone', () => {
  const c = partition('3', '30', true);
  expect(partitionChanges(known, [a, c], false)).toEqual({ attached: [c], gone: ['public.b'], emptied: [] });
});

test('another file means TRUNCATE where the catalog knows nothing of the rows, or nobody looked meanwhile', () => {
  const rewritten = [a, partition('2', '21')];
  const truncated = [a, partition('2', '21', true)];
  expect(partitionChanges(known, rewritten, false).emptied).toEqual([]);
  expect(partitionChanges(known, truncated, false).emptied).toEqual(['public.b']);
  expect(partitionChanges(known, rewritten, true).emptied).toEqual(['public.b']);
});
