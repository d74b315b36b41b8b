import { describe, expect, test } from 'vitest';
import { parseLsn } from '../../core/lsn.js';
import { POSITION_ZERO } from '../../core/position.js';
import { CAPTURE_STATE } from '../../core/stage-state.js';
import { MemoryLog } from '../../test/support/memory-log.js';
import { RecordBuilder, relationOf, TIME } from '../../test/support/record-builder.js';
import { captureState, recover } from './recover.js';
import { afterChunk, NOT_STARTED } from './recover-tables.js';

const RAW = 'p.raw';
const users = relationOf(1, 'public.users', ['id', 'name']);
const posts = relationOf(2, 'public.posts', ['id', 'title']);

const builder = (limitBytes?: number) => new RecordBuilder(limitBytes).relation(users).relation(posts);

async function recovered(records: readonly Buffer[], state?: object, log = new MemoryLog()) {
  log.put(RAW, records);
  if (state) await log.control.put(CAPTURE_STATE, state);
  return recover(log, RAW, 1);
}

const at = (lsn: string, index: number) => ({ lsn: parseLsn(lsn), index });

describe('recover', () => {
  test('begins at nothing with an empty log', async () => {
    expect(await recovered([])).toEqual({
      resume: [{ position: POSITION_ZERO, complete: true }],
      loggedThrough: undefined,
      time: null,
      nextOffsets: [0],
      tallies: { read: new Map(), captured: new Map(), deduplicated: new Map() },
      tables: new Map(),
      moved: new Map(),
      delivered: [],
    });
  });

  test('reads place, counts and snapshot out of the log alone', async () => {
    const records = builder(1)
      .begin('0/100')
      .row(1, 'c', { new: ['1', 'Ada'] })
      .row(2, 'c', { new: ['1', 'Hello'] })
      .commit('0/140')
      .begin('0/200', { time: '2026-01-31T12:00:05.000000Z' })
      .rows(users, '2\tBob\n3\tCy\n', { chunk: { upTo: ['3'], final: false }, gaveWay: 1 })
      .commit('0/240')
      .begin('0/300', { time: '2026-01-31T12:00:09.000000Z' })
      .truncate([2])
      .take();
    expect(await recovered(records)).toMatchObject({
      resume: [{ position: at('0/300', 0), complete: false }],
      // Everything before this commit record is there, and nothing of what may lie behind it.
      loggedThrough: parseLsn('0/300'),
      // Of the last whole transaction.
      time: '2026-01-31T12:00:05.000000Z',
      nextOffsets: [records.length],
      tallies: {
        captured: new Map([
          ['public.users', 3],
          ['public.posts', 2],
        ]),
        read: new Map([
          ['public.users', 3],
          ['public.posts', 2],
        ]),
      },
      tables: new Map([['public.users', { upTo: ['3'], rows: 3, done: false, rereads: [] }]]),
    });
  });

  test('ends behind the last commit when the last record is whole', async () => {
    const records = builder()
      .begin('0/100')
      .row(1, 'c', { new: ['1', 'Ada'] })
      .commit('0/140')
      .take();
    expect(await recovered(records)).toMatchObject({
      resume: [{ position: at('0/100', 1), complete: true }],
      loggedThrough: parseLsn('0/140'),
      time: TIME,
    });
  });

  test('takes the commit before a transaction that goes on in the last record', async () => {
    const records = builder()
      .begin('0/100')
      .row(1, 'c', { new: ['1', 'Ada'] })
      .commit('0/240')
      .begin('0/200')
      .row(1, 'c', { new: ['2', 'Bob'] })
      .take();
    expect(await recovered(records)).toMatchObject({
      resume: [{ position: at('0/200', 0), complete: false }],
      loggedThrough: parseLsn('0/240'),
    });
  });

  const state = {
    next: { [`${RAW}/0`]: 1 },
    through: '0/140',
    time: TIME,
    read: { 'public.users': 12 },
    deduplicated: { 'public.users': 2 },
    captured: { 'public.users': 10 },
    tables: { 'public.users': { upTo: ['5'], rows: 6, estimate: 100, done: false, rereads: ['["9"]'] } },
  };
  const first = builder()
    .begin('0/100')
    .row(1, 'c', { new: ['1', 'Ada'] })
    .commit('0/140')
    .take();

  test('adds what came after the state was put down, and reads nothing before it', async () => {
    const [second] = builder()
      .begin('0/200')
      .row(1, 'd', { key: ['1', null] })
      .rows(users, '6\tx\n', { chunk: { upTo: ['6'], final: true } })
      .commit('0/240')
      .take();
    const found = await recovered([...first, second!], state);
    expect(found).toMatchObject({ resume: [{ position: at('0/200', 2), complete: true }], nextOffsets: [2] });
    expect(found.tallies).toEqual({
      captured: new Map([['public.users', 12]]),
      deduplicated: new Map([['public.users', 2]]),
      // captured = read - deduplicated, as it must be.
      read: new Map([['public.users', 14]]),
    });
    expect(found.tables.get('public.users')).toEqual({
      upTo: ['6'],
      rows: 7,
      estimate: 100,
      done: true,
      rereads: ['["9"]'],
    });
  });

  test('is what was put down when nothing came since', async () => {
    expect(await recovered(first, state)).toMatchObject({
      loggedThrough: parseLsn('0/140'),
      nextOffsets: [1],
      time: TIME,
      tallies: { captured: new Map([['public.users', 10]]), read: new Map([['public.users', 12]]) },
    });
  });

  test('finds the rows that a key change moved without their TOAST values since', async () => {
    const [second] = builder()
      .begin('0/200')
      .row(1, 'u', { key: ['1', null], new: ['8', false] })
      .row(1, 'u', { key: ['2', null], new: ['9', 'whole'] })
      .row(1, 'u', { new: ['3', false] })
      .row(1, 'u', { old: ['4', 'x'], new: ['5', 'x'] })
      .commit()
      .take();
    const { moved } = await recovered([...first, second!], state);
    expect(moved).toEqual(new Map([['public.users', [{ columns: ['id', 'name'], row: ['8', false] }]]]));
  });

  test('a snapshot that begins again counts from there, and goes on as any', async () => {
    const known = {
      ...state.tables['public.users'],
      done: true,
      oid: 7,
      partitions: { '8': { name: 'p', file: '1' } },
    };
    const second = () =>
      builder()
        .begin('0/200')
        .rows(users, '6\tx\n', { chunk: { upTo: ['6'], final: true } })
        .row(1, 'u', { key: ['1', null], new: ['8', false] })
        .truncate([1], { beginsSnapshot: true })
        .commit('0/240');
    const put = { ...state, tables: { 'public.users': known } };
    const begun = await recovered([...first, ...second().take()], put);
    const { oid } = known;
    // Which may be gone by then, and have been truncated.
    const partitions = { '8': { name: 'p', mayBeGone: true } };
    expect(begun.tables.get('public.users')).toEqual({ ...NOT_STARTED, oid, partitions });
    expect(begun.moved).toEqual(new Map());
    expect(begun.tallies.captured).toEqual(new Map([['public.users', 13]]));

    const records = second()
      .begin('0/300')
      .rows(users, '1\tx\n2\tx\n', { chunk: { upTo: ['2'], final: false } })
      .row(1, 'u', { key: ['2', null], new: ['9', false] })
      .commit('0/340')
      .take();
    const found = await recovered([...first, ...records], put);
    expect(found.tables.get('public.users')).toEqual({ ...NOT_STARTED, oid, partitions, rows: 2, upTo: ['2'] });
    expect(found.moved.get('public.users')).toHaveLength(1);
  });

  test('partitions of a root that was truncated since have files that are not known', async () => {
    const known = { ...state.tables['public.users'], partitions: { '8': { name: 'p', file: '1' } } };
    const [second] = builder().begin('0/200').truncate([1]).commit().take();
    const { tables } = await recovered([...first, second!], { ...state, tables: { 'public.users': known } });
    expect(tables.get('public.users')).toMatchObject({ rows: known.rows, partitions: { '8': { name: 'p' } } });
    expect(tables.get('public.users')!.partitions!['8']).not.toHaveProperty('file');
  });

  test('knows which transactions others may not see yet: those put down so, and all that came since', async () => {
    const [second] = builder()
      .begin('0/200')
      .row(1, 'd', { key: ['1', null] })
      .commit()
      .take();
    const { delivered } = await recovered([...first, second!], { ...state, unseen: [600] });
    expect(delivered).toEqual([600, 700]);
  });

  test('refuses a log that is shorter than it was', async () => {
    await expect(recovered(first, { ...state, next: { [`${RAW}/0`]: 5 } })).rejects.toMatchObject({
      code: 'log-foreign',
      message: 'p.raw/0 ends at offset 1, but had 5 records before',
    });
  });

  test('copies on from where the log has all chunks, whatever a process that was replaced has appended since', async () => {
    const chunk = (after: string[] | null, upTo: string) => ({ chunk: { after, upTo: [upTo], final: false } });
    const copied = builder()
      .begin('0/100')
      .rows(users, '1\tx\n2\tx\n', chunk(null, '2'))
      .commit('0/140')
      .begin('0/300')
      .message('ferry:heartbeat')
      .commit('0/340')
      .take();
    // The first of its chunks stands below the end of the log, and nobody takes it.
    const late = builder()
      .begin('0/200')
      .rows(users, '3\tx\n', chunk(['2'], '3'))
      .commit('0/240')
      .begin('0/400')
      .rows(users, '4\tx\n', chunk(['3'], '4'))
      .commit('0/440')
      .take();
    const before = await recovered([...copied, ...late]);
    expect(before.tables.get('public.users')).toMatchObject({ upTo: ['2'], done: false });
    const again = builder()
      .begin('0/500')
      .rows(users, '3\tx\n4\tx\n', chunk(['2'], '4'))
      .commit('0/540')
      .take();
    const { tables } = await recovered([...copied, ...late, ...again]);
    expect(tables.get('public.users')).toMatchObject({ upTo: ['4'] });
  });

  test('takes once what a late append of another process put behind newer records', async () => {
    const stream = builder(1)
      .begin('0/100')
      .rows(users, '1\tx\n2\tx\n', { chunk: { upTo: ['2'], final: false } })
      .row(1, 'u', { key: ['1', null], new: ['8', false] })
      .commit('0/140');
    const late = stream.take();
    const [newer] = builder()
      .begin('0/200', { time: '2026-01-31T12:00:05.000000Z' })
      .rows(users, '3\tx\n', { chunk: { upTo: ['3'], final: false } })
      .commit('0/240')
      .take();
    const expected = {
      resume: [{ position: at('0/200', 1), complete: true }],
      loggedThrough: parseLsn('0/240'),
      time: '2026-01-31T12:00:05.000000Z',
      tallies: { captured: new Map([['public.users', 4]]) },
      tables: new Map([['public.users', { upTo: ['3'], rows: 3, done: false, rereads: [] }]]),
    };
    const found = await recovered([...late, newer!, ...late]);
    // Behind the newer one: from there on what is late is known for a repetition.
    expect(found).toMatchObject({ ...expected, nextOffsets: [4] });
    expect(found.moved.get('public.users')).toHaveLength(1);
    // The same when the state was put down between the two.
    const state = {
      next: { [`${RAW}/0`]: 4 },
      through: '0/240',
      time: expected.time,
      read: {},
      deduplicated: {},
      captured: { 'public.users': 4 },
      tables: Object.fromEntries(expected.tables),
    };
    expect(await recovered([...late, newer!, ...late], state)).toMatchObject({ ...expected, moved: new Map() });
  });

  test('takes offsets that have gaps', async () => {
    const records = builder(1)
      .begin('0/100')
      .row(1, 'c', { new: ['1', 'Ada'] })
      .commit()
      .take();
    const found = await recovered(records, undefined, new MemoryLog({ gap: 3 }));
    expect(found).toMatchObject({ nextOffsets: [8], tallies: { captured: new Map([['public.users', 1]]) } });
  });
});

test('captureState is what recover reads', async () => {
  const done = {
    nextOffsets: [1],
    through: parseLsn('0/140'),
    time: TIME,
    tallies: {
      read: new Map([['public.users', 12]]),
      deduplicated: new Map([['public.users', 2]]),
      captured: new Map([['public.users', 10]]),
    },
    tables: new Map([['public.users', { rows: 1, done: true, rereads: ['["9"]'] }]]),
  };
  const [record] = builder()
    .begin('0/100')
    .row(1, 'c', { new: ['1', 'Ada'] })
    .commit('0/140')
    .take();
  expect(await recovered([record!], captureState(RAW, done))).toMatchObject({
    nextOffsets: [1],
    loggedThrough: done.through,
    time: TIME,
    tallies: done.tallies,
    tables: done.tables,
  });
});

describe('afterChunk', () => {
  test('moves on with the mark of a chunk, and counts blocks that have none', () => {
    const block = afterChunk(NOT_STARTED, 10, undefined);
    expect(block).toEqual({ rows: 10, done: false, rereads: [] });
    expect(afterChunk(block, 5, { upTo: ['15'], final: false })).toEqual({
      upTo: ['15'],
      rows: 15,
      done: false,
      rereads: [],
    });
  });

  test('is done with the final chunk, and stays so', () => {
    const copied = afterChunk({ ...NOT_STARTED, upTo: ['3'] }, 0, { final: true });
    expect(copied).toEqual({ upTo: ['3'], rows: 0, done: true, rereads: [] });
    expect(afterChunk(copied, 1, { final: false }).done).toBe(true);
  });
});
