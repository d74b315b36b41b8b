import { describe, expect, test } from 'vitest';
import { formatLsn, type Lsn, parseLsn } from '../../core/lsn.js';
import { POSITION_ZERO } from '../../core/position.js';
import { displayName } from '../../core/relation.js';
import { formatResnapshotOrder } from '../../core/resnapshot-order.js';
import { CAPTURE_STATE } from '../../core/stage-state.js';
import { formatTurn, type Turn } from '../../core/way-back.js';
import { partitionOfGroup, partitionOfKey } from '../../platform/partition-of-key.js';
import { MemoryLog } from '../../test/support/memory-log.js';
import * as pgoutput from '../../test/support/pgoutput-builder.js';
import { linesOfAll, relationOf } from '../../test/support/record-builder.js';
import { planOf } from '../../test/support/table-plan.js';
import { RawEncoder } from './raw-encoder.js';
import { RawOutput, type ResumePoint } from './raw-output.js';
import { captureState, recover } from './recover.js';
import { NOT_STARTED } from './recover-tables.js';
import { SnapshotWindows } from './snapshot/windows.js';

const RAW = 'p.raw';
const PARTITIONS = 3;
const users = relationOf(1, 'public.users', ['id', 'name']);
const PLAN = planOf(users);
const START: ResumePoint = { position: POSITION_ZERO, complete: true };

/** Ids whose rows are in the given partition. */
const idsIn = (partition: number) =>
  Array.from({ length: 100 }, (_, i) => String(i)).filter((id) => partitionOfKey([id], PARTITIONS) === partition);

function captureFrom(
  resume: readonly ResumePoint[] = Array<ResumePoint>(PARTITIONS).fill(START),
  { plan = PLAN, turn }: { readonly plan?: typeof PLAN; readonly turn?: Turn } = {},
) {
  const output = new RawOutput(resume);
  const windows = new SnapshotWindows();
  const tallies = { read: new Map(), deduplicated: new Map(), captured: new Map() };
  const encoder = new RawEncoder({
    output,
    windows,
    tables: new Map([[displayName(users), plan]]),
    tallies,
    onChunk: () => {},
    orders: { planOf: () => plan, begun: () => {}, repair: () => {} },
    pipeline: 'p',
    ...(turn ? { turn } : {}),
  });
  encoder.take(pgoutput.relation(users));
  const transaction = (lsn: string, ...messages: Buffer[]) => {
    for (const message of pgoutput.transaction({ commitLsn: parseLsn(lsn), xid: 7 }, ...messages))
      encoder.take(message);
  };
  /** What each partition's new lines say, relations left out. */
  const take = () =>
    output.partitions.map(({ writer }) => linesOfAll(writer.take()).filter((line) => !('relation' in line)));
  return { output, windows, tallies, encoder, transaction, take };
}

const events = (lines: readonly object[]) => lines.filter((line) => !('tx' in line || 'commit' in line));
const committed = (lsn: string, ix: number) => ({ commit: lsn, ix, end: formatLsn((parseLsn(lsn) + 0x30n) as Lsn) });

describe('with several partitions', () => {
  test('a row goes where its key hashes to, and only partitions with an event have the commit', () => {
    const { transaction, take } = captureFrom();
    const [a] = idsIn(0);
    const [b] = idsIn(2);
    transaction(
      '0/100',
      pgoutput.insert(1, [a!, 'x']),
      pgoutput.update(1, [b!, 'y']),
      pgoutput.remove(1, { key: [a!, null] }),
    );
    const [first, second, third] = take();
    expect(first!.slice(1)).toEqual([
      { rel: 1, ix: 0, op: 'c', new: [a, 'x'] },
      { rel: 1, ix: 2, op: 'd', key: [a, null] },
      committed('0/100', 3),
    ]);
    expect(second).toEqual([]);
    expect(third!.slice(1)).toEqual([{ rel: 1, ix: 1, op: 'u', new: [b, 'y'] }, committed('0/100', 3)]);
  });

  test('a row whose key moves is deleted in the one and created in the other partition', () => {
    const { transaction, take, tallies } = captureFrom();
    const [from] = idsIn(0);
    const [to] = idsIn(1);
    transaction('0/100', pgoutput.update(1, [to!, 'x'], { key: [from!, null] }));
    const [first, second, third] = take().map(events);
    expect([first, second, third]).toEqual([
      [{ rel: 1, ix: 0, op: 'd', key: [from, null] }],
      [{ rel: 1, ix: 0, op: 'c', new: [to, 'x'] }],
      [],
    ]);
    expect(tallies.captured).toEqual(new Map([['public.users', 2]]));
    expect(tallies.read).toEqual(tallies.captured);
  });

  test('within a partition it stays an update; with the whole old row its values are taken from there', () => {
    const { transaction, take } = captureFrom();
    const [from, near] = idsIn(0);
    const [to] = idsIn(1);
    transaction(
      '0/100',
      pgoutput.update(1, [near!, false], { key: [from!, null] }),
      pgoutput.update(1, [to!, false], { old: [near!, 'long'] }),
    );
    const [first, second] = take().map(events);
    expect(first).toEqual([
      { rel: 1, ix: 0, op: 'u', key: [from, null], new: [near, false] },
      { rel: 1, ix: 1, op: 'd', old: [near, 'long'] },
    ]);
    expect(second).toEqual([{ rel: 1, ix: 1, op: 'c', new: [to, 'long'] }]);
  });

  test('what cannot be split, a truncate and our messages are in every partition', () => {
    const { transaction, take } = captureFrom();
    const [from] = idsIn(0);
    const [to] = idsIn(1);
    transaction(
      '0/100',
      pgoutput.update(1, [to!, false], { key: [from!, null] }),
      pgoutput.truncate([1]),
      pgoutput.message('ferry:heartbeat'),
    );
    for (const lines of take().map(events)) {
      expect(lines).toEqual([
        { rel: 1, ix: 0, op: 'u', everywhere: true, key: [from, null], new: [to, false] },
        { rel: 0, ix: 1, op: 't', relations: [1], cascade: false, restartIdentity: false, everywhere: true },
        { message: 'ferry:heartbeat', ix: 2, content: '' },
      ]);
    }
  });

  test('each partition drops what it has', () => {
    const ends = [
      { position: { lsn: parseLsn('0/100'), index: 0 }, complete: false },
      { position: { lsn: parseLsn('0/100'), index: 9 }, complete: true },
      START,
    ];
    const { transaction, take, tallies } = captureFrom(ends);
    const ids = [0, 1, 2].map((partition) => idsIn(partition)[0]!);
    transaction('0/100', ...ids.map((id) => pgoutput.insert(1, [id, 'x'])));
    const [first, second, third] = take().map((lines) => lines.slice(1));
    expect(first).toEqual([committed('0/100', 3)]);
    expect(second).toEqual([]);
    expect(third).toEqual([{ rel: 1, ix: 2, op: 'c', new: [ids[2], 'x'] }, committed('0/100', 3)]);
    expect(tallies.deduplicated).toEqual(new Map([['public.users', 2]]));
  });

  test('a chunk is cut by key, and each partition has its mark', () => {
    const { windows, transaction, encoder, take } = captureFrom();
    windows.tableStarted(PLAN);
    windows.expect('c', PLAN, () => {});
    transaction('0/100', pgoutput.message('ferry:low', 'c'));
    const ids = [...idsIn(0).slice(0, 2), ...idsIn(1).slice(0, 1)];
    const text = Buffer.from(ids.map((id) => `${id}\tu\n`).join(''));
    const mark = { upTo: [ids.at(-1)!], final: false };
    const snapshot = { xmax: 1_000, running: new Set<number>() };
    windows.fill('c', { text, rows: ids.length, mark, snapshot });
    take();
    transaction('0/200', pgoutput.message('ferry:high', 'c'));
    const blocks = take().map((lines) => events(lines) as { rows: number; text: string; chunk: unknown }[]);
    expect(blocks.map(([block]) => block!.text)).toEqual([`${ids[0]}\tu\n${ids[1]}\tu\n`, `${ids[2]}\tu\n`, '']);
    expect(blocks.map(([block]) => block!.chunk)).toEqual([mark, mark, mark]);
    expect(encoder.capturedChanges).toBe(3);
  });
});

describe('merged tables', () => {
  const GROUP = 'sec.users';
  const merged = { ...PLAN, partitionKey: [], group: GROUP };
  const home = partitionOfGroup(GROUP, PARTITIONS);

  test('are in one partition, whatever their keys are, and a key that moves stays there', () => {
    const { transaction, take } = captureFrom(undefined, { plan: merged });
    const ids = [0, 1, 2].flatMap((partition) => idsIn(partition).slice(0, 2));
    const [a, b] = ids as [string, string];
    transaction(
      '0/100',
      ...ids.map((id) => pgoutput.insert(1, [id, 'x'])),
      pgoutput.update(1, [b, false], { key: [a, null] }),
      pgoutput.remove(1, { key: [b, null] }),
    );
    const lines = take().map(events);
    expect(lines[home]).toHaveLength(ids.length + 2);
    expect(lines[home]!.at(-2)).toEqual({ rel: 1, ix: ids.length, op: 'u', key: [a, null], new: [b, false] });
    expect(lines.filter((own) => own.length > 0)).toHaveLength(1);
  });

  test('have their chunks there, and the others their marks', () => {
    const { windows, transaction, take } = captureFrom(undefined, { plan: merged });
    windows.tableStarted(merged);
    windows.expect('c', merged, () => {});
    transaction('0/100', pgoutput.message('ferry:low', 'c'));
    const ids = [0, 1, 2].map((partition) => idsIn(partition)[0]!);
    const text = ids.map((id) => `${id}\tu\n`).join('');
    const mark = { upTo: [ids.at(-1)!], final: true };
    const snapshot = { xmax: 1_000, running: new Set<number>() };
    windows.fill('c', { text: Buffer.from(text), rows: ids.length, mark, snapshot });
    take();
    transaction('0/200', pgoutput.message('ferry:high', 'c'));
    const blocks = take().map((lines) => events(lines) as { rows: number; text: string; chunk: unknown }[]);
    expect(blocks.map(([block]) => block!.text)).toEqual(
      [0, 1, 2].map((partition) => (partition === home ? text : '')),
    );
    expect(blocks.map(([block]) => block!.chunk)).toEqual([mark, mark, mark]);
  });

  test('keep their partition for ever: what is in a log was placed by it', () => {
    expect(['sec.api_keys', 'a.t', 'growth.posts', 'ü.x'].map((group) => partitionOfGroup(group, 4))).toEqual(PLACES);
  });
});

/** Never to be corrected. */
const PLACES = [1, 0, 2, 2];

describe('recovering several partitions', () => {
  const plan = PLAN;

  /** Chunks up to the given keys, one a transaction, as the partitions would have them, and an order to begin again. */
  function withChunks(upTo: readonly string[], order?: string, from = 0): Buffer[][] {
    const { windows, transaction, output } = captureFrom();
    windows.tableStarted(plan);
    const records: Buffer[][] = [[], [], []];
    const take = () => {
      for (const [p, { writer }] of output.partitions.entries()) records[p]!.push(...writer.take());
    };
    for (const [place, key] of upTo.entries()) {
      const i = place + from;
      windows.expect(key, plan, () => {});
      transaction(`0/${i + 1}00`, pgoutput.message('ferry:low', key));
      const snapshot = { xmax: 1_000, running: new Set<number>() };
      const chunk = { text: Buffer.from(`${key}\tu\n`), rows: 1, snapshot };
      windows.fill(key, { ...chunk, mark: { upTo: [key], final: i === 2 } });
      transaction(`0/${i + 1}50`, pgoutput.message('ferry:high', key));
      take();
    }
    if (order) transaction('0/900', pgoutput.message('ferry:resnapshot', order));
    take();
    return records;
  }

  async function recovered(records: readonly (readonly Buffer[])[], log = new MemoryLog()) {
    for (const [partition, values] of records.entries()) log.put(RAW, values, partition);
    return recover(log, RAW, PARTITIONS);
  }

  test('a chunk counts once every partition has its part', async () => {
    const all = withChunks(['1', '2', '3']);
    const { tables, nextOffsets } = await recovered(all);
    expect(tables.get('public.users')).toMatchObject({ upTo: ['3'], done: true, rows: 3 });
    expect(nextOffsets).toEqual(all.map((values) => values.length));
    const cut = await recovered([all[0]!, all[1]!.slice(0, 2), all[2]!]);
    expect(cut.tables.get('public.users')).toMatchObject({ upTo: ['2'], done: false });
    const missing = await recovered([all[0]!, [], all[2]!]);
    expect(missing.tables.get('public.users')).toMatchObject({ done: false });
    expect(missing.tables.get('public.users')).not.toHaveProperty('upTo');
  });

  test('a snapshot begins again where one partition says so: what another has of before is no part of it', async () => {
    const order = formatResnapshotOrder({ pipeline: 'p', table: 'public.users' });
    const all = withChunks(['1', '2', '3'], order);
    expect((await recovered(all)).tables.get('public.users')).toEqual(NOT_STARTED);
    const cut = await recovered([all[0]!, all[1]!.slice(0, 3), []]);
    expect(cut.tables.get('public.users')).toEqual(NOT_STARTED);
    const again = withChunks(['7'], undefined, 9);
    const whole = await recovered(all.map((values, p) => [...values, ...again[p]!]));
    expect(whole.tables.get('public.users')).toEqual({ ...NOT_STARTED, rows: 1, upTo: ['7'] });
    const late = await recovered([[...all[0]!, ...again[0]!], all[1]!.slice(0, 3), all[2]!]);
    expect(late.tables.get('public.users')).not.toHaveProperty('upTo');
  });

  test('each partition has its own place, and the log is known up to the furthest', async () => {
    const all = withChunks(['1', '2']);
    const { resume, loggedThrough } = await recovered([all[0]!, all[1]!.slice(0, 1), []]);
    expect(resume.map(({ position }) => formatLsn(position.lsn))).toEqual(['0/250', '0/150', '0/0']);
    expect(formatLsn(loggedThrough!)).toBe('0/280');
  });

  test('the turn is that of the partition that has the least, and what was written in another turn is in none', async () => {
    const [id] = idsIn(1);
    const say = (turn: Turn) => pgoutput.message('ferry:turn', formatTurn({ pipeline: 'p', turn, run: 'r' }));
    const stream: [string, Buffer][] = [
      ['0/100', say('closed')],
      ['0/200', pgoutput.insert(1, [id!, 'of the other direction'])],
      ['0/300', say('open')],
      ['0/400', pgoutput.insert(1, [id!, 'ours'])],
    ];
    const { transaction, output } = captureFrom();
    const all: Buffer[][] = [[], [], []];
    for (const [lsn, message] of stream) {
      transaction(lsn, message);
      for (const [p, { writer }] of output.partitions.entries()) all[p]!.push(...writer.take());
    }
    expect(all.map((values) => values.length)).toEqual([2, 3, 2]);
    expect((await recovered(all)).turn).toBe('open');
    expect((await recovered([all[0]!, [], all[2]!])).turn).toBeUndefined();
    // Killed while the last turn was on its way to the partitions.
    const cut = await recovered([all[0]!, all[1]!.slice(0, 1), all[2]!]);
    expect(cut.turn).toBe('closed');
    const again = captureFrom(cut.resume, { turn: cut.turn });
    for (const [lsn, message] of stream) again.transaction(lsn, message);
    const lines = again.take().map(events);
    expect(lines.map((partition) => partition.length)).toEqual([0, 2, 0]);
    expect(lines[1]).toMatchObject([{ message: 'ferry:turn' }, { op: 'c', new: [id, 'ours'] }]);
  });

  test('goes on from what was put down for each', async () => {
    const log = new MemoryLog();
    const all = withChunks(['1', '2']);
    const first = await recovered(
      all.map((values) => values.slice(0, 1)),
      log,
    );
    const done = { ...first, through: first.loggedThrough!, tables: first.tables };
    await log.control.put(CAPTURE_STATE, captureState(RAW, done));
    const second = await recovered(
      all.map((values) => values.slice(1)),
      log,
    );
    expect(second.tables.get('public.users')).toMatchObject({ upTo: ['2'], rows: 2 });
    expect(second.tallies.captured).toEqual(new Map([['public.users', 2]]));
  });
});
