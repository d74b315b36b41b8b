import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { copyLine } from '../../core/copy-text.js';
import { formatLsn, type Lsn, parseLsn } from '../../core/lsn.js';
import { POSITION_ZERO } from '../../core/position.js';
import { readSpan } from '../../core/record-scanner.js';
import { displayName } from '../../core/relation.js';
import { formatRepairOrder } from '../../core/repair-order.js';
import { formatResnapshotOrder } from '../../core/resnapshot-order.js';
import { partitionOfKey } from '../../platform/partition-of-key.js';
import * as pgoutput from '../../test/support/pgoutput-builder.js';
import { linesOf, linesOfAll, relationOf } from '../../test/support/record-builder.js';
import { planOf } from '../../test/support/table-plan.js';
import { RawEncoder } from './raw-encoder.js';
import { RawOutput, type ResumePoint } from './raw-output.js';
import type { Chunk, TablePlan } from './snapshot/chunk.js';
import { SnapshotWindows } from './snapshot/windows.js';
import type { CaptureTallies } from './tallies.js';

const users = relationOf(1, 'public.users', ['id', 'name']);
const posts = relationOf(2, 'public.posts', ['id', 'title']);
const audit = relationOf(3, 'public.audit', ['id']);
const plan = planOf(users);
const RELATIONS = [users, posts, audit].map(pgoutput.relation);
const START: ResumePoint = { position: POSITION_ZERO, complete: true };

/** Captures users and posts, not audit. */
class Capture {
  readonly output: RawOutput;
  readonly windows = new SnapshotWindows();
  readonly tallies: CaptureTallies = { read: new Map(), deduplicated: new Map(), captured: new Map() };
  readonly chunks: unknown[] = [];
  readonly begun: string[] = [];
  readonly repairs: unknown[] = [];
  readonly truncated: string[] = [];
  readonly encoder: RawEncoder;

  constructor({
    resume = START,
    partitions = 1,
    limitBytes,
  }: { resume?: ResumePoint; partitions?: number; limitBytes?: number } = {}) {
    this.output = new RawOutput(Array<ResumePoint>(partitions).fill(resume), limitBytes);
    this.encoder = new RawEncoder({
      output: this.output,
      windows: this.windows,
      tables: new Map([users, posts].map((relation) => [displayName(relation), planOf(relation)])),
      tallies: this.tallies,
      onChunk: (...chunk) => this.chunks.push(chunk),
      onTruncate: (table) => this.truncated.push(table),
      orders: {
        planOf: ({ pipeline, table }) => (pipeline === 'mine' && table === 'public.users' ? plan : undefined),
        begun: ({ relation }) => this.begun.push(displayName(relation)),
        repair: (order) => this.repairs.push(order),
      },
      pipeline: 'mine',
    });
    for (const relation of RELATIONS) this.encoder.take(relation);
  }

  /** One transaction. */
  transaction(lsn: string, ...messages: Buffer[]): this {
    for (const message of pgoutput.transaction({ commitLsn: parseLsn(lsn), xid: 7 }, ...messages)) {
      this.encoder.take(message);
    }
    return this;
  }

  take(partition = 0): readonly Buffer[] {
    return this.output.partitions[partition]!.writer.take();
  }

  takeLines() {
    return linesOfAll(this.take()).filter((line) => !('relation' in line));
  }

  counted() {
    const { read, deduplicated, captured } = this.tallies;
    return Object.fromEntries(
      ['public.users', 'public.posts', 'public.audit'].map((table) => [
        table.slice('public.'.length),
        [read.get(table) ?? 0, deduplicated.get(table) ?? 0, captured.get(table) ?? 0],
      ]),
    );
  }
}

const insert = (id: string) => pgoutput.insert(1, [id, `user ${id}`]);
const created = (ix: number, id: string) => ({ rel: 1, ix, op: 'c', new: [id, `user ${id}`] });
const tx = (lsn: string) => ({ tx: lsn, xid: 7, time: '2000-01-01T00:00:00.000000Z' });
const committed = (lsn: string, ix: number) => ({ commit: lsn, ix, end: formatLsn((parseLsn(lsn) + 0x30n) as Lsn) });

describe('a transaction', () => {
  test('becomes one record, its events numbered from 0, its commit the last', () => {
    const capture = new Capture().transaction(
      '0/100',
      insert('1'),
      pgoutput.update(1, ['1', 'Ada']),
      pgoutput.update(2, ['5', false], { key: ['4', null] }),
      pgoutput.update(2, ['6', false], { old: ['5', 'long'] }),
      pgoutput.remove(1, { key: ['1', null] }),
      pgoutput.remove(2, { old: ['6', 'long'] }),
    );
    const [record, ...more] = capture.take();
    expect(more).toEqual([]);
    expect(linesOf(record!).filter((line) => !('relation' in line))).toEqual([
      tx('0/100'),
      created(0, '1'),
      { rel: 1, ix: 1, op: 'u', new: ['1', 'Ada'] },
      { rel: 2, ix: 2, op: 'u', key: ['4', null], new: ['5', false] },
      { rel: 2, ix: 3, op: 'u', old: ['5', 'long'], new: ['6', 'long'] },
      { rel: 1, ix: 4, op: 'd', key: ['1', null] },
      { rel: 2, ix: 5, op: 'd', old: ['6', 'long'] },
      committed('0/100', 6),
    ]);
    expect(readSpan(record!)).toEqual({
      first: { lsn: parseLsn('0/100'), index: 0 },
      last: { lsn: parseLsn('0/100'), index: 6 },
      complete: true,
    });
  });

  test('says its unsigned xid, and its commit time to the microsecond', () => {
    const capture = new Capture();
    const of = { commitLsn: parseLsn('0/100'), xid: 4_000_000_000, commitTimeMicros: 1_769_860_800_000_042n };
    for (const message of pgoutput.transaction(of, insert('1'))) capture.encoder.take(message);
    expect(capture.takeLines()[0]).toEqual({ tx: '0/100', xid: 4_000_000_000, time: '2026-01-31T12:00:00.000042Z' });
    expect(capture.encoder.committedTime).toBe('2026-01-31T12:00:00.000042Z');
  });

  test('carries truncates of captured tables, and messages of ours', () => {
    const capture = new Capture().transaction(
      '0/100',
      pgoutput.truncate([1, 3, 2], { restartIdentity: true }),
      pgoutput.truncate([3]),
      pgoutput.message('ferry:heartbeat'),
      pgoutput.message('ferry:marker', 'm "1"'),
    );
    expect(capture.takeLines().slice(1)).toEqual([
      { rel: 0, ix: 0, op: 't', relations: [1, 2], cascade: false, restartIdentity: true },
      { message: 'ferry:heartbeat', ix: 2, content: '' },
      { message: 'ferry:marker', ix: 3, content: 'm "1"' },
      committed('0/100', 4),
    ]);
    expect(capture.counted()).toMatchObject({ users: [1, 0, 1], posts: [1, 0, 1], audit: [0, 0, 0] });
    expect(capture.truncated).toEqual(['public.users', 'public.posts']);
  });

  test('that touches nothing of the pipeline leaves nothing', () => {
    const capture = new Capture()
      .transaction('0/100')
      .transaction('0/200', pgoutput.insert(3, ['1']), pgoutput.truncate([3]))
      .transaction('0/300', pgoutput.message('other:heartbeat'), pgoutput.origin('x'), pgoutput.type(9, 's', 't'))
      .transaction('0/400', pgoutput.message('ferry:marker', '', { transactional: false }))
      .transaction('0/500', pgoutput.message('ferry:low', 'nobody'), pgoutput.message('ferry:high', 'nobody'));
    expect(capture.output.isEmpty).toBe(true);
    expect(capture.encoder.capturedChanges).toBe(0);
  });

  test('fills in a long key that an update calls unchanged, from the old key', () => {
    const capture = new Capture().transaction('0/100', pgoutput.update(2, [false, 'new'], { key: ['long', null] }));
    expect(capture.takeLines()[1]).toEqual({ rel: 2, ix: 0, op: 'u', key: ['long', null], new: ['long', 'new'] });
  });

  test('writes a relation anew when the table has changed within it', () => {
    const wider = relationOf(1, 'public.users', ['id', 'name', 'email']);
    const capture = new Capture().transaction(
      '0/100',
      insert('1'),
      pgoutput.relation(wider),
      pgoutput.insert(1, ['2', 'Bob', null]),
    );
    const lines = linesOfAll(capture.take());
    expect(lines.map((line) => Object.keys(line)[0])).toEqual(['tx', 'relation', 'rel', 'relation', 'rel', 'commit']);
  });
});

describe('committedThrough', () => {
  test('is the end of the last transaction that left something in the records', () => {
    const { encoder } = new Capture().transaction('0/100', insert('1'));
    expect(encoder.committedThrough).toBe(parseLsn('0/130'));
  });

  test('stays behind while a transaction is open', () => {
    const capture = new Capture().transaction('0/100', insert('1'));
    capture.encoder.take(pgoutput.begin({ commitLsn: parseLsn('0/200') }));
    capture.encoder.take(insert('2'));
    expect(capture.encoder.committedThrough).toBe(parseLsn('0/130'));
  });

  test('is never ahead of what a restart finds in the log: untouched transactions do not move it', () => {
    const capture = new Capture()
      .transaction('0/100', insert('1'))
      .transaction('0/200', pgoutput.insert(3, ['1']))
      .transaction('0/300', pgoutput.message('ferry:low', 'a chunk of ours'));
    expect(capture.encoder.committedThrough).toBe(parseLsn('0/130'));
  });

  test('moves on with what the log had before a restart', () => {
    const resume = { position: { lsn: parseLsn('0/200'), index: 1 }, complete: true };
    const capture = new Capture({ resume }).transaction('0/100', insert('1'));
    expect(capture.encoder.committedThrough).toBe(parseLsn('0/130'));
    capture.transaction('0/200', insert('2'));
    expect(capture.encoder.committedThrough).toBe(parseLsn('0/230'));
    expect(capture.output.isEmpty).toBe(true);
  });
});

describe('after a restart', () => {
  test('drops what the log has, whole transactions of it, and counts it as deduplicated', () => {
    const resume = { position: { lsn: parseLsn('0/200'), index: 2 }, complete: true };
    const capture = new Capture({ resume })
      .transaction('0/100', insert('1'), pgoutput.truncate([1, 2]), pgoutput.message('ferry:heartbeat'))
      .transaction('0/200', insert('2'), insert('3'), insert('4'))
      .transaction('0/300', insert('5'));
    expect(capture.takeLines()).toEqual([tx('0/300'), created(0, '5'), committed('0/300', 1)]);
    expect(capture.counted()).toMatchObject({ users: [6, 5, 1], posts: [1, 1, 0] });
    expect(capture.encoder.capturedChanges).toBe(1);
  });

  test('goes on within the transaction that was cut', () => {
    const resume = { position: { lsn: parseLsn('0/200'), index: 2 }, complete: false };
    const capture = new Capture({ resume })
      .transaction('0/100', insert('1'))
      .transaction('0/200', insert('2'), pgoutput.insert(3, ['not captured']), insert('3'), insert('4'))
      .transaction('0/300', insert('5'));
    expect(capture.takeLines()).toEqual([
      tx('0/200'),
      // What is not captured takes a place, too: it may be captured in another life.
      created(3, '4'),
      committed('0/200', 4),
      tx('0/300'),
      created(0, '5'),
      committed('0/300', 1),
    ]);
    expect(capture.counted()).toMatchObject({ users: [5, 3, 2], audit: [0, 0, 0] });
  });

  test('closes a transaction of which only the commit was missing', () => {
    const resume = { position: { lsn: parseLsn('0/200'), index: 0 }, complete: false };
    const capture = new Capture({ resume }).transaction('0/200', insert('2'));
    expect(capture.takeLines()).toEqual([tx('0/200'), committed('0/200', 1)]);
  });

  test('closes a transaction behind the blocks of a chunk that the stream does not repeat', () => {
    // The transaction of a high watermark: its chunk was written up to block 2 when the process ended.
    const resume = { position: { lsn: parseLsn('0/200'), index: 2 }, complete: false };
    const capture = new Capture({ resume }).transaction('0/200', pgoutput.message('ferry:high', 'of another life'));
    expect(capture.takeLines()).toEqual([tx('0/200'), committed('0/200', 3)]);
  });
});

describe('an order to copy a table again', () => {
  const order = (table: string, pipeline = 'mine') =>
    pgoutput.message('ferry:resnapshot', formatResnapshotOrder({ pipeline, table }));
  const emptied = { rel: 0, op: 't', relations: [1], cascade: false, restartIdentity: false, beginsSnapshot: true };

  test('becomes a truncate at its place', () => {
    const capture = new Capture().transaction('0/100', insert('1'), order('public.users'), insert('2'));
    expect(capture.takeLines()).toEqual([
      tx('0/100'),
      created(0, '1'),
      { ...emptied, ix: 1 },
      created(2, '2'),
      committed('0/100', 3),
    ]);
    expect(capture.begun).toEqual(['public.users']);
    expect(capture.counted()).toMatchObject({ users: [3, 0, 3] });
  });

  test('leaves its place free where it is not ours, and is none where nobody can read it', () => {
    const orders = [order('public.users', 'other'), order('public.nothing'), pgoutput.message('ferry:resnapshot', '?')];
    const capture = new Capture().transaction('0/100', ...orders, insert('2'));
    expect(capture.takeLines()).toEqual([tx('0/100'), created(3, '2'), committed('0/100', 4)]);
    expect(capture.begun).toEqual([]);
  });

  test('begins nothing again once the log has it in each partition', () => {
    const resume = { position: { lsn: parseLsn('0/100'), index: 0 }, complete: false };
    const capture = new Capture({ resume }).transaction('0/100', order('public.users'), insert('2'));
    expect(capture.takeLines()).toEqual([tx('0/100'), created(1, '2'), committed('0/100', 2)]);
    expect(capture.begun).toEqual([]);
  });
});

describe('an order to read rows again', () => {
  const order = { pipeline: 'mine', table: 'public.users', columns: ['id'], rows: [{ key: ['1'] }] };

  test('is told, and takes no place in the log', () => {
    const message = pgoutput.message('ferry:repair', formatRepairOrder(order));
    const capture = new Capture().transaction('0/100', message, pgoutput.message('ferry:repair', '?'), insert('2'));
    expect(capture.repairs).toEqual([order]);
    expect(capture.takeLines()).toEqual([tx('0/100'), created(0, '2'), committed('0/100', 1)]);
  });

  test('brings deletes of what the source has not, then its rows, at the high watermark', () => {
    const capture = new Capture();
    const repair = { era: capture.windows.era, extra: [['8'], ['9']] };
    capture.windows.expect('r', plan, () => {}, { repair });
    capture.transaction('0/100', pgoutput.message('ferry:low', 'r'), pgoutput.remove(1, { key: ['8', null] }));
    const text = Buffer.from(copyLine(['1', 'Ada']));
    capture.windows.fill('r', { text, rows: 1, mark: undefined, snapshot: { xmax: 1_000, running: new Set() } });
    capture.takeLines();
    capture.transaction('0/200', pgoutput.message('ferry:high', 'r'));
    expect(capture.takeLines()).toEqual([
      tx('0/200'),
      { rel: 1, ix: 0, op: 'd', key: ['9', null] },
      { rel: 1, ix: 1, op: 'r', rows: 1, bytes: 6, columns: ['id', 'name'], text: '1\tAda\n' },
      committed('0/200', 2),
    ]);
    // A delete of the stream's, one of ours, and a row.
    expect(capture.counted()).toMatchObject({ users: [3, 0, 3] });
    expect(capture.encoder.capturedChanges).toBe(3);
  });

  test('is over with a marker', () => {
    const capture = new Capture();
    const { era } = capture.windows;
    capture.transaction('0/100', pgoutput.message('ferry:marker', 'run'));
    expect(capture.windows.era).toBe(era + 1);
  });

  test.each([1, 3])('a delete is in the partition of its row, of %d', (partitions) => {
    const capture = new Capture({ partitions });
    const keys = ['1', '2', '3', '4', '5', '6'];
    capture.windows.expect('r', plan, () => {}, {
      repair: { era: capture.windows.era, extra: keys.map((key) => [key]) },
    });
    capture.transaction('0/100', pgoutput.message('ferry:low', 'r'));
    const nothing = { text: Buffer.alloc(0), rows: 0, mark: undefined };
    capture.windows.fill('r', { ...nothing, snapshot: { xmax: 1_000, running: new Set() } });
    capture.transaction('0/200', pgoutput.message('ferry:high', 'r'));
    const found = Array.from({ length: partitions }, (_, partition) =>
      linesOfAll(capture.take(partition)).flatMap(({ op, key }) => (op === 'd' ? [(key as string[])[0]!] : [])),
    );
    expect(found).toEqual(
      Array.from({ length: partitions }, (_, partition) =>
        keys.filter((key) => partitionOfKey([key], partitions) === partition),
      ),
    );
  });
});

describe('a chunk', () => {
  const chunkOf = (rows: number, more: Partial<Chunk> = {}): Chunk => {
    const lines = Array.from({ length: rows }, (_, i) => copyLine([String(i), `user ${i}`]));
    return {
      text: Buffer.from(lines.join('')),
      rows,
      mark: { upTo: [String(rows - 1)], final: false },
      snapshot: { xmax: 1_000, running: new Set() },
      ...more,
    };
  };
  const open = (capture: Capture, outcomes: string[] = []) => {
    capture.windows.tableStarted(plan);
    capture.windows.expect('c', plan, (outcome) => outcomes.push(outcome));
    capture.transaction('0/100', pgoutput.message('ferry:low', 'c'));
    return outcomes;
  };
  const close = (capture: Capture) => capture.transaction('0/300', pgoutput.message('ferry:high', 'c'));

  test('goes into the log at its high watermark, without the rows that gave way', () => {
    const capture = new Capture();
    const outcomes = open(capture);
    capture.transaction('0/200', pgoutput.remove(1, { key: ['1', null] }));
    capture.windows.fill('c', chunkOf(3));
    capture.takeLines();
    close(capture);
    expect(capture.takeLines()).toEqual([
      tx('0/300'),
      {
        rel: 1,
        ix: 0,
        op: 'r',
        rows: 2,
        gaveWay: 1,
        bytes: 18,
        columns: ['id', 'name'],
        chunk: { upTo: ['2'], final: false },
        text: '0\tuser 0\n2\tuser 2\n',
      },
      committed('0/300', 1),
    ]);
    expect(outcomes).toEqual(['published']);
    expect(capture.chunks).toEqual([['public.users', 3, { upTo: ['2'], final: false }]]);
    // One delete from the stream; three rows read, of which one gave way.
    expect(capture.counted()).toMatchObject({ users: [4, 1, 3] });
    expect(capture.encoder.capturedChanges).toBe(3);
  });

  test('of a table that the stream has not spoken of brings its relation', () => {
    const capture = new Capture();
    const quiet: TablePlan = { ...plan, relation: relationOf(9, 'public.quiet', ['id', 'name']) };
    capture.windows.tableStarted(quiet);
    capture.windows.expect('c', quiet, () => {});
    capture.transaction('0/100', pgoutput.message('ferry:low', 'c'));
    capture.windows.fill('c', chunkOf(1));
    close(capture);
    const lines = linesOfAll(capture.take());
    expect(lines[1]).toMatchObject({ relation: 9, schema: 'public', table: 'quiet' });
  });

  test('keeps the relation that the stream gave where only its identity is another', () => {
    const capture = new Capture();
    open(capture);
    capture.encoder.take(pgoutput.relation(relationOf(1, 'public.users', ['name', 'id'], { identity: 'f' })));
    capture.windows.fill('c', chunkOf(1));
    close(capture);
    const lines = linesOfAll(capture.take());
    expect(lines[1]).toMatchObject({ relation: 1, identity: 'f' });
    expect(lines[2]).toMatchObject({ op: 'r', columns: ['id', 'name'] });
  });

  test('brings its own where it has seen a change that the stream has not come to', () => {
    const capture = new Capture();
    open(capture);
    capture.encoder.take(pgoutput.relation(relationOf(1, 'public.users', ['id'])));
    capture.windows.fill('c', chunkOf(1));
    close(capture);
    const lines = linesOfAll(capture.take());
    expect(lines[1]).toMatchObject({ relation: 1, columns: plan.relation.columns });
  });

  test('that is large is cut into blocks of whole lines, of which the last bears the mark', () => {
    const capture = new Capture();
    open(capture);
    const chunk = chunkOf(60_000, { mark: { upTo: ['59999'], final: true } });
    capture.windows.fill('c', chunk);
    close(capture);
    const records = capture.take();
    const blocks = records.flatMap(linesOf).filter((line) => line.op === 'r');
    expect(blocks.length).toBeGreaterThan(1);
    expect(blocks.map((block) => block.ix)).toEqual(blocks.map((_, i) => i));
    expect(blocks.map((block) => block.text).join('')).toBe(chunk.text.toString());
    for (const block of blocks) {
      expect(block.rows).toBe(String(block.text).split('\n').length - 1);
      expect('chunk' in block).toBe(block === blocks.at(-1));
    }
    for (const record of records) expect(record.length).toBeLessThan(1024 * 1024);
    expect(readSpan(records.at(-1)!).complete).toBe(true);
    expect(capture.counted()).toMatchObject({ users: [60_000, 0, 60_000] });
  });

  test('without rows still says that the table is copied', () => {
    const capture = new Capture();
    open(capture);
    capture.windows.fill('c', chunkOf(0, { mark: { final: true } }));
    close(capture);
    expect(capture.takeLines()[1]).toEqual({
      rel: 1,
      ix: 0,
      op: 'r',
      rows: 0,
      bytes: 0,
      columns: ['id', 'name'],
      chunk: { final: true },
      text: '',
    });
  });

  test('that is stale leaves nothing', () => {
    const capture = new Capture();
    capture.transaction('0/50', insert('1'));
    const outcomes = open(capture);
    capture.windows.fill('c', chunkOf(1, { snapshot: { xmax: 8, running: new Set([7]) } }));
    capture.takeLines();
    close(capture);
    expect(outcomes).toEqual(['stale']);
    expect(capture.output.isEmpty).toBe(true);
    expect(capture.chunks).toEqual([]);
  });
});

describe('a stream that contradicts itself is refused', () => {
  const violation = (message: string) => expect.objectContaining({ code: 'protocol-violation', message });

  test('a row outside of a transaction', () => {
    expect(() => new Capture().encoder.take(insert('1'))).toThrow(
      violation('the source sent an event outside of a transaction'),
    );
  });

  test('a commit outside of a transaction, and one of another', () => {
    const { encoder } = new Capture();
    const of = { commitLsn: parseLsn('0/100') };
    expect(() => encoder.take(pgoutput.commit(of))).toThrow(violation(expect.stringContaining('outside')));
    encoder.take(pgoutput.begin(of));
    expect(() => encoder.take(pgoutput.commit({ commitLsn: parseLsn('0/200') }))).toThrow(
      violation('the source sent commit 0/200 in another transaction'),
    );
  });

  test('a row or truncate of a relation that it has not described', () => {
    const { encoder } = new Capture();
    encoder.take(pgoutput.begin({ commitLsn: parseLsn('0/100') }));
    expect(() => encoder.take(pgoutput.insert(99, ['1']))).toThrow(
      violation('the source sent a row of the relation 99, which it has not described'),
    );
    expect(() => encoder.take(pgoutput.truncate([99]))).toThrow(violation(expect.stringContaining('99')));
  });
});

describe('a capture that is killed again and again', () => {
  const anyTransaction = fc.array(fc.constantFrom('users', 'posts', 'audit', 'truncate', 'heartbeat', 'low'), {
    maxLength: 6,
  });
  const messageOf = (kind: string, id: string) => {
    if (kind === 'truncate') return pgoutput.truncate([1, 3]);
    if (kind === 'heartbeat') return pgoutput.message('ferry:heartbeat');
    if (kind === 'low') return pgoutput.message('ferry:low', 'nobody');
    return pgoutput.insert({ users: 1, posts: 2, audit: 3 }[kind]!, [id, 'x']);
  };
  const eventsOf = (records: readonly Buffer[]) => linesOfAll(records).filter((line) => 'ix' in line);

  test('leaves the same events in the log as one that never is', () => {
    fc.assert(
      fc.property(
        fc.array(anyTransaction, { maxLength: 8 }),
        fc.array(fc.record({ messages: fc.nat({ max: 20 }), records: fc.nat({ max: 8 }), behind: fc.nat({ max: 3 }) })),
        (transactions, lives) => {
          const stream = transactions.map((kinds, i) =>
            pgoutput.transaction(
              { commitLsn: BigInt(0x100 * (i + 1)) as Lsn },
              ...kinds.map((kind, n) => messageOf(kind, `${i}/${n}`)),
            ),
          );
          const log: Buffer[] = [];
          const live = ({ messages, records, behind }: (typeof lives)[number]) => {
            const last = log.at(-1) && readSpan(log.at(-1)!);
            const resume = last ? { position: last.last, complete: last.complete } : START;
            const capture = new Capture({ resume, limitBytes: 60 });
            // The server sends from what was acknowledged, which may be well behind the log.
            const from = last ? Number(last.last.lsn) / 0x100 - 1 - behind : 0;
            for (const message of stream.slice(Math.max(0, from)).flat().slice(0, messages))
              capture.encoder.take(message);
            log.push(...capture.take().slice(0, records));
          };
          for (const life of lives) live(life);
          const all = { messages: Number.POSITIVE_INFINITY, records: Number.POSITIVE_INFINITY, behind: 0 };
          live(all);
          const undisturbed = new Capture();
          for (const message of stream.flat()) undisturbed.encoder.take(message);
          expect(eventsOf(log)).toEqual(eventsOf(undisturbed.take()));
        },
      ),
    );
  });
});

describe('a transaction of the other direction', () => {
  const origin = (pipeline: string) => pgoutput.message('ferry:origin', pipeline);
  const row = (id: string) => pgoutput.insert(1, [id, 'x']);
  const ids = (capture: Capture) =>
    capture.takeLines().flatMap((line) => (line.op === 'c' ? [(line.new as string[])[0]] : []));

  test('is left out whole, truncates too, and those around it are not', () => {
    const capture = new Capture();
    capture
      .transaction('0/10', row('1'))
      .transaction('0/20', origin('mine-back'), row('2'), pgoutput.truncate([1]), row('3'))
      .transaction('0/30', row('4'));
    expect(ids(capture)).toEqual(['1', '4']);
    expect(capture.counted()).toMatchObject({ users: [2, 0, 2] });
  });

  test('is another pipeline’s, or our own: it goes on', () => {
    const capture = new Capture();
    capture.transaction('0/10', origin('others-back'), row('1')).transaction('0/20', origin('mine'), row('2'));
    expect(ids(capture)).toEqual(['1', '2']);
  });

  test('is not acknowledged before something behind it is in the log', () => {
    const capture = new Capture();
    capture.transaction('0/10', row('1'));
    const before = capture.encoder.committedThrough;
    capture.transaction('0/20', origin('mine-back'), row('2'));
    expect(capture.encoder.committedThrough).toBe(before);
    capture.transaction('0/30', pgoutput.message('ferry:heartbeat'));
    expect(capture.encoder.committedThrough).toBeGreaterThan(before);
  });
});
