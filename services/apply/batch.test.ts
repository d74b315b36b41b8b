import { describe, expect, test } from 'vitest';
import { LSN_ZERO, parseLsn } from '../../core/lsn.js';
import { formatPosition, POSITION_ZERO, type Position } from '../../core/position.js';
import { openGate } from '../../test/support/open-gate.js';
import { RecordBuilder, relationOf, TIME } from '../../test/support/record-builder.js';
import { type Applied, addApplied, Batch, type Progress, type Step } from './batch.js';
import { BatchReader } from './batch-reader.js';
import { StandingKeys } from './standing-keys.js';

const users = relationOf(1, 'shared.people', ['id', 'name'], { source: 'public.users' });
const posts = relationOf(2, 'shared.posts', ['id', 'body'], { source: 'public.posts' });
const START: Progress = { nextOffset: 0, position: POSITION_ZERO, commitEnd: LSN_ZERO, commitTime: null };

const table = { columns: ['id', 'name', 'body', 'email'], key: ['id'] };
const gate = () => openGate('shared', { people: table, posts: table });

/** Reads records of consecutive offsets into one batch. */
function batchOf(
  records: readonly Buffer[],
  options: { after?: Position; isFolding?: boolean; offset?: number; standing?: StandingKeys } = {},
) {
  const batch = new Batch(START, options.isFolding ?? true);
  const reader = new BatchReader(options.after ?? POSITION_ZERO, gate(), options);
  for (const [i, record] of records.entries()) reader.read(record, (options.offset ?? 0) + i, batch);
  return batch;
}

/** A step in a few words. */
function brief(step: Step): string {
  switch (step.kind) {
    case 'changes':
      return `${step.set.shape.relation.table}: ${[...step.set.changes.values()].map((change) => `${change.kind} ${JSON.stringify(change.kind === 'delete' ? change.key : change.row)}`).join(', ')}`;
    case 'move':
      return `move ${JSON.stringify(step.move.from)} to ${JSON.stringify(step.move.to)}`;
    case 'counts':
      return `counts ${[...step.set.counts.values()].map(({ row, more }) => `${more} ${JSON.stringify(row)}`).join(', ')}`;
    case 'rows':
      return `rows ${JSON.stringify(step.block.text.toString())}`;
    case 'truncate':
      return `truncate ${step.shapes.map(({ relation }) => relation.table).join(' ')} ${step.restartIdentity}`;
    case 'everywhere':
      return `everywhere ${formatPosition(step.progress.position)}: ${brief(step.step)}`;
    case 'letter':
      return `letter ${JSON.stringify(step.letter.event)}`;
    case 'checkpoint':
      return `checkpoint ${formatPosition(step.progress.position)}`;
    default:
      return step satisfies never;
  }
}

const topic = (limitBytes?: number) => new RecordBuilder(limitBytes).relation(users).relation(posts);
const at = (lsn: string, index: number): Position => ({ lsn: parseLsn(lsn), index });

describe('a batch', () => {
  test('folds the changes of several transactions by table and key', () => {
    const batch = batchOf(
      topic()
        .begin('0/100')
        .row(1, 'c', { new: ['1', 'Ada'] })
        .row(2, 'c', { new: ['1', 'Hello'] })
        .commit()
        .begin('0/200')
        .row(1, 'u', { new: ['1', 'Ida'] })
        .row(2, 'd', { key: ['2', null] })
        .commit('0/240')
        .take(),
      { offset: 41 },
    );
    expect(batch.steps.map(brief)).toEqual([
      'people: upsert ["1","Ida"]',
      'posts: upsert ["1","Hello"], delete ["2",null]',
    ]);
    expect(batch.progress).toEqual({
      nextOffset: 42,
      position: at('0/200', 2),
      commitEnd: parseLsn('0/240'),
      commitTime: TIME,
    });
    expect([batch.isComplete, batch.changes, batch.isEmpty]).toEqual([true, 4, false]);
    expect([...batch.rest.applied.values()]).toEqual([
      { source: 'public.users', target: 'shared.people', count: 2, deadLettered: 0 },
      { source: 'public.posts', target: 'shared.posts', count: 2, deadLettered: 0 },
    ]);
  });

  test('is empty until a record is read, and then not, even of no change', () => {
    expect(batchOf([]).isEmpty).toBe(true);
    const batch = batchOf(topic().begin('0/100').message('ferry:heartbeat').commit('0/130').take());
    expect([batch.isEmpty, batch.steps, batch.changes]).toEqual([false, [], 0]);
    expect(batch.progress).toMatchObject({ nextOffset: 1, position: at('0/100', 1), commitEnd: parseLsn('0/130') });
  });

  test('may not end within a transaction, and its checkpoint is the last commit', () => {
    const [first, second] = topic(1)
      .begin('0/100')
      .row(1, 'c', { new: ['1', 'Ada'] })
      .commit('0/130')
      .take();
    const batch = batchOf([first!]);
    expect([batch.isComplete, batch.progress]).toEqual([false, { ...START, nextOffset: 1 }]);
    expect(batchOf([first!, second!])).toMatchObject({ isComplete: true, progress: { position: at('0/100', 1) } });
  });

  test('keeps the order of what cannot be folded: snapshots, moves, truncates', () => {
    const batch = batchOf(
      topic()
        .begin('0/100')
        .row(1, 'c', { new: ['1', 'Ada'] })
        .rows(users, '2\tBob\n3\tCy\n')
        .row(1, 'u', { new: ['2', 'Bo'] })
        .row(1, 'u', { key: ['3', null], new: ['4', false] })
        .row(1, 'd', { key: ['4', null] })
        .row(2, 'c', { new: ['1', 'x'] })
        .truncate([1, 2], { restartIdentity: true })
        .row(2, 'c', { new: ['2', 'y'] })
        .commit()
        .take(),
    );
    expect(batch.steps.map(brief)).toEqual([
      'people: upsert ["1","Ada"]',
      'rows "2\\tBob\\n3\\tCy\\n"',
      'people: upsert ["2","Bo"]',
      'move ["3",null] to ["4",false]',
      'people: delete ["4",null]',
      'posts: upsert ["1","x"]',
      'truncate people posts true',
      'posts: upsert ["2","y"]',
    ]);
    expect([...batch.rest.applied.values()].map(({ count }) => count)).toEqual([7, 3]);
    expect(batch.changes).toBe(10);
  });

  test('folds one table across the steps of another', () => {
    const batch = batchOf(
      topic()
        .begin('0/100')
        .row(1, 'c', { new: ['1', 'Ada'] })
        .truncate([2])
        .row(1, 'u', { new: ['1', 'Ida'] })
        .commit()
        .take(),
    );
    expect(batch.steps.map(brief)).toEqual(['people: upsert ["1","Ida"]', 'truncate posts false']);
  });

  test('begins another set when a table has changed, with the shape that its rows came with', () => {
    const wider = relationOf(1, 'shared.people', ['email', 'id'], { source: 'public.users', key: ['id'] });
    const batch = batchOf(
      topic()
        .begin('0/100')
        .row(1, 'c', { new: ['1', 'Ada'] })
        .relation(wider)
        .row(1, 'c', { new: ['b@x', '2'] })
        .relation(users)
        .row(1, 'c', { new: ['3', 'Cy'] })
        .commit()
        .take(),
    );
    expect(batch.steps.map(brief)).toEqual([
      'people: upsert ["1","Ada"]',
      'people: upsert ["b@x","2"]',
      'people: upsert ["3","Cy"]',
    ]);
    const shapes = batch.steps.map((step) => (step.kind === 'changes' ? step.set.shape : undefined));
    expect(shapes.map((found) => found?.keyIndexes)).toEqual([[0], [1], [0]]);
    expect(shapes[0]).toStrictEqual(shapes[2]);
  });

  test('says which tables are copied once their snapshot ends in it, and writes no empty block', () => {
    const batch = batchOf(
      topic()
        .begin('0/100')
        .rows(users, '1\tAda\n', { chunk: { upTo: ['1'], final: false } })
        .rows(users, '', { chunk: { final: true } })
        .rows(posts, '', { chunk: { upTo: ['9'], final: false } })
        .commit()
        .take(),
    );
    expect(batch.rest.news.copied).toEqual(['public.users']);
    expect(batch.steps.map(brief)).toEqual(['rows "1\\tAda\\n"']);
  });

  test('has what is known of tables at the commit point behind it, or nobody would come to it again', () => {
    const records = topic()
      .begin('0/100')
      .rows(users, '1\tAda\n', { chunk: { final: true } })
      .truncate([2], { everywhere: true })
      .rows(posts, '', { chunk: { final: true } })
      .commit()
      .take();
    const batch = batchOf(records);
    const points = [...batch.steps, batch.rest].flatMap((point) => ('news' in point ? [point] : []));
    expect(points.map(({ news }) => [news.copied, news.versions.map(({ source }) => source)])).toEqual([
      [['public.users'], ['public.users', 'public.posts']],
      [[], []],
      [['public.posts'], []],
    ]);
  });

  test('that does not fold writes each change on its own, in its order', () => {
    const records = topic()
      .begin('0/100')
      .row(1, 'c', { new: ['1', 'Ada'] })
      .row(1, 'u', { new: ['1', 'Ida'] })
      .row(1, 'u', { key: ['1', null], new: ['2', false] })
      .row(1, 'u', { key: ['2', null], new: ['3', 'Ada'] })
      .commit()
      .take();
    expect(batchOf(records, { isFolding: false }).steps.map(brief)).toEqual([
      'people: upsert ["1","Ada"]',
      'people: upsert ["1","Ida"]',
      'move ["1",null] to ["2",false]',
      'move ["2",null] to ["3","Ada"]',
    ]);
  });
});

describe('after a restart', () => {
  const records = () =>
    topic(1)
      .begin('0/100')
      .row(1, 'c', { new: ['1', 'Ada'] })
      .truncate([2])
      .commit('0/130')
      .begin('0/200')
      .rows(users, '2\tBob\n', { chunk: { final: true } })
      .message('ferry:heartbeat')
      .commit('0/230')
      .begin('0/300')
      .row(1, 'c', { new: ['3', 'Cy'] })
      .commit('0/330')
      .take();

  test.each([
    ['nothing of it', POSITION_ZERO, 4, 3],
    ['the first transaction', at('0/100', 2), 2, 2],
    ['two', at('0/200', 2), 1, 1],
    ['all', at('0/300', 1), 0, 0],
  ])('drops what the checkpoint has: %s', (_, after, steps, changes) => {
    const batch = batchOf(records(), { after });
    expect([batch.steps.length, batch.changes]).toEqual([steps, changes + (after === POSITION_ZERO ? 1 : 0)]);
    expect([batch.isComplete, batch.progress.nextOffset]).toEqual([true, 8]);
    if (changes > 0) expect(batch.progress.position).toEqual(at('0/300', 1));
    expect(batch.rest.news.copied).toEqual(steps >= 2 ? ['public.users'] : []);
  });

  test('takes once what a late append of another process put into the topic again', () => {
    const all = records();
    const again = batchOf([...all, ...all.slice(2, 6)]);
    const once = batchOf(all);
    expect(again.steps.map(brief)).toEqual(once.steps.map(brief));
    expect([again.changes, again.isComplete]).toEqual([once.changes, true]);
    expect(again.progress).toEqual({ ...once.progress, nextOffset: all.length + 4 });
  });

  test('reads a record from its middle on', () => {
    const [record] = topic()
      .begin('0/100')
      .row(1, 'c', { new: ['1', 'Ada'] })
      .commit()
      .begin('0/200')
      .row(1, 'c', { new: ['2', 'Bob'] })
      .commit()
      .take();
    const batch = batchOf([record!], { after: at('0/100', 1) });
    expect(batch.steps.map(brief)).toEqual(['people: upsert ["2","Bob"]']);
  });
});

describe('changes of rows that stand in the dead letters', () => {
  const standing = () => {
    const keys = new StandingKeys();
    keys.add({ tables: ['shared.people'], keys: [['1']] });
    return keys;
  };
  const kinds = (steps: readonly Step[]) => steps.map((step) => (step.kind === 'letter' ? step.letter : brief(step)));

  test('follow them, over key changes, while all others are folded', () => {
    const batch = batchOf(
      topic()
        .begin('0/100')
        .row(1, 'u', { new: ['7', 'Ida'] })
        .row(1, 'u', { new: ['2', 'Ada'], key: ['1', null] })
        .row(1, 'd', { key: ['2', null] })
        .row(2, 'c', { new: ['1', 'Hello'] })
        .commit()
        .take(),
      { standing: standing(), offset: 5 },
    );
    expect(kinds(batch.steps)).toMatchObject([
      'people: upsert ["7","Ida"]',
      {
        keys: [['1'], ['2']],
        event: { op: 'u', new: ['2', 'Ada'], key: ['1', null] },
        place: { offset: 5, time: TIME },
      },
      { keys: [['2']], event: { op: 'd' }, place: { position: at('0/100', 2) } },
      'posts: upsert ["1","Hello"]',
    ]);
    expect([...batch.rest.applied.values()].map(({ count, deadLettered }) => [count, deadLettered])).toEqual([
      [1, 2],
      [1, 0],
    ]);
    expect(batch.steps.some((step) => step.kind === 'letter' && step.letter.refusal)).toBe(false);
  });

  test('a truncate follows, and everything of its tables behind it', () => {
    const batch = batchOf(
      topic()
        .begin('0/100')
        .truncate([1, 2])
        .row(2, 'c', { new: ['9', 'Hello'] })
        .commit()
        .take(),
      { standing: standing() },
    );
    expect(kinds(batch.steps)).toMatchObject([
      { keys: undefined, tables: ['shared.people', 'shared.posts'] },
      { keys: [['9']], tables: ['shared.posts'] },
    ]);
  });
});

test('a relation that the target does not have is refused where its rows begin', () => {
  const reader = new BatchReader(POSITION_ZERO, openGate('shared', {}, undefined, ['people']));
  const [record] = topic()
    .begin('0/100')
    .row(1, 'c', { new: ['1', 'Ada'] })
    .take();
  expect(() => reader.read(record!, 0, new Batch(START, true))).toThrow(
    expect.objectContaining({ code: 'target-unfit', message: 'the target has no table shared.people' }),
  );
});

test('addApplied sums, and leaves what it adds alone', () => {
  const entry = { source: 'public.users', target: 'shared.people', count: 2, deadLettered: 1 };
  const sum: Applied = new Map();
  addApplied(sum, new Map([['a', entry]]));
  addApplied(sum, new Map([['a', entry]]));
  expect([sum.get('a'), entry.count]).toEqual([{ ...entry, count: 4, deadLettered: 2 }, 2]);
});
