import { expect, test } from 'vitest';
import { LSN_ZERO, parseLsn } from '../../core/lsn.js';
import type { TableMapping } from '../../core/mapping.js';
import { POSITION_ZERO, type Position } from '../../core/position.js';
import { openGate } from '../../test/support/open-gate.js';
import { RecordBuilder, relationOf } from '../../test/support/record-builder.js';
import { Batch } from './batch.js';
import { BatchReader } from './batch-reader.js';
import { ChangeDue } from './table-gate.js';

const users = relationOf(1, 'public.users', ['id', 'name'], { source: 'growth.users' });
const posts = relationOf(2, 'public.posts', ['id', 'name'], { source: 'growth.posts' });
const mapping = (table: string, more: Partial<TableMapping> = {}): TableMapping => ({
  source: { schema: 'growth', table },
  target: { schema: 'public', table },
  rename: new Map(),
  place: { file: 'mapping/public.yaml', line: 1, column: 1 },
  columnPlaces: new Map(),
  ...more,
});
const HALTS = [mapping('users', { truncate: 'halt' }), mapping('posts')];

/** Both tables are truncated at once, amid changes of theirs. */
const RECORDS = new RecordBuilder()
  .relation(users)
  .relation(posts)
  .begin('0/100')
  .row(1, 'c', { new: ['1', 'Ada'] })
  .row(2, 'c', { new: ['1', 'x'] })
  .commit()
  .begin('0/200')
  .row(1, 'u', { new: ['1', 'Ida'] })
  .truncate([1, 2])
  .row(1, 'c', { new: ['2', 'Bob'] })
  .commit()
  .take();

function read(
  mappings: readonly TableMapping[],
  { accepts = [], heldAfter }: { readonly accepts?: readonly string[]; readonly heldAfter?: Position } = {},
): Batch {
  const progress = { nextOffset: 0, position: POSITION_ZERO, commitEnd: LSN_ZERO, commitTime: null };
  const batch = new Batch(progress, true);
  const table = { columns: ['id', 'name'], key: ['id'] };
  const tables = { users: table, posts: table };
  const gate = openGate('public', tables, (of) => (of === 'growth.users' ? heldAfter : undefined), undefined, {
    mappings,
    accepts: new Set(accepts),
  });
  const reader = new BatchReader(POSITION_ZERO, gate);
  for (const [i, record] of RECORDS.entries()) reader.read(record, i, batch);
  return batch;
}

const truncated = ({ steps }: Batch) =>
  steps.flatMap((step) => (step.kind === 'truncate' ? step.shapes.map(({ name }) => name) : []));

test('a truncate passes where the mapping says nothing else', () => {
  expect(truncated(read([mapping('users'), mapping('posts')]))).toEqual(['public.users', 'public.posts']);
});

test('a table that halts at it stands before it, and says what to do', () => {
  let due: unknown;
  try {
    read(HALTS);
  } catch (error) {
    due = error;
  }
  expect(due).toBeInstanceOf(ChangeDue);
  expect(due).toMatchObject({ source: 'growth.users', position: { lsn: 0x200n, index: 1 } });
  expect((due as ChangeDue).due).toEqual({
    kind: 'stop',
    reason: {
      kind: 'change',
      message:
        'growth.users was truncated, and public.users has rows that never came from there: to truncate it would take them (position 0/200#1)',
      remedy:
        'Delete from public.users what should be gone with it. Then ferry table resume growth.users: it goes on behind the TRUNCATE, which is not repeated.',
    },
  });
});

test('it stands behind what came before in the same transaction, and the others go on', () => {
  const batch = read(HALTS, { heldAfter: { lsn: parseLsn('0/200'), index: 0 } });
  expect(truncated(batch)).toEqual(['public.posts']);
  expect([...batch.rest.applied.values()].map(({ source, count }) => [source, count])).toEqual([
    ['growth.users', 2],
    ['growth.posts', 2],
  ]);
});

test('resumed, it goes on behind it once; the others are truncated', () => {
  const batch = read(HALTS, { accepts: ['growth.users'] });
  expect(truncated(batch)).toEqual(['public.posts']);
  expect(batch.rest.news.versions.map(({ source, action }) => [source, action])).toEqual([
    ['growth.users', 'passed'],
    ['growth.posts', 'passed'],
    ['growth.users', 'accepted'],
  ]);
  expect([...batch.rest.applied.values()]).toEqual([
    { source: 'growth.users', target: 'public.users', count: 3, deadLettered: 0, dropped: 1 },
    { source: 'growth.posts', target: 'public.posts', count: 2, deadLettered: 0 },
  ]);
});
