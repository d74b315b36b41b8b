import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { linesOf, RecordBuilder, relationOf } from '../test/support/record-builder.js';
import { anyText } from '../test/support/texts.js';
import { formatLsn, type Lsn, parseLsn } from './lsn.js';
import { comparePositions, isAfter, POSITION_ZERO, type Position } from './position.js';
import { relationFromLine, relationToLine } from './record.js';
import { RecordScanner, readSpan } from './record-scanner.js';
import { RecordWriter } from './record-writer.js';
import type { Relation } from './relation.js';

const users = relationOf(1, 'public.users', ['id', 'name']);
const posts = relationOf(2, 'public.posts', ['id', 'title']);

const kinds = (record: Buffer) => linesOf(record).map((line) => Object.keys(line)[0]);

describe('RecordWriter', () => {
  test('writes the transaction and each relation once, ahead of the rows that use them', () => {
    const [record, ...more] = new RecordBuilder()
      .relation(users)
      .relation(posts)
      .begin('0/10', { xid: 7 })
      .row(1, 'c', { new: ['1', 'Ada'] })
      .row(2, 'c', { new: ['1', 'Hello'] })
      .row(1, 'd', { key: ['1', null] })
      .commit('0/40')
      .take();
    expect(more).toEqual([]);
    expect(record!.toString().split('\n').slice(0, -1)).toEqual([
      '{"ferry":1,"first":["0/10",0],"last":["0/10",3],"complete":true}',
      '{"tx":"0/10","xid":7,"time":"2026-01-31T12:00:00.123456Z"}',
      JSON.stringify(relationToLine(users)),
      '{"rel":1,"ix":0,"op":"c","new":["1","Ada"]}',
      JSON.stringify(relationToLine(posts)),
      '{"rel":2,"ix":1,"op":"c","new":["1","Hello"]}',
      '{"rel":1,"ix":2,"op":"d","key":["1",null]}',
      '{"commit":"0/10","ix":3,"end":"0/40"}',
    ]);
  });

  test('writes nothing for a transaction and relations that no event follows', () => {
    const writer = new RecordWriter();
    writer.begin('{"tx":"0/10","xid":7,"time":""}');
    writer.relation(1, JSON.stringify(relationToLine(users)));
    expect(writer.isEmpty).toBe(true);
    expect(writer.take()).toEqual([]);
  });

  test('repeats the open transaction and the relations in the record that goes on', () => {
    const builder = new RecordBuilder()
      .relation(users)
      .begin('0/10')
      .row(1, 'c', { new: ['1', 'Ada'] });
    const [first] = builder.take();
    const [second] = builder
      .row(1, 'c', { new: ['2', 'Bob'] })
      .commit()
      .take();
    expect(readSpan(first!)).toEqual({ first: at('0/10', 0), last: at('0/10', 0), complete: false });
    expect(readSpan(second!)).toEqual({ first: at('0/10', 1), last: at('0/10', 2), complete: true });
    expect(kinds(second!)).toEqual(['tx', 'relation', 'rel', 'commit']);
  });

  test('opens a record with a commit alone when the transaction was cut before it', () => {
    const builder = new RecordBuilder()
      .relation(users)
      .begin('0/10')
      .row(1, 'c', { new: ['1', 'Ada'] });
    builder.take();
    const [record] = builder.commit().take();
    expect(kinds(record!)).toEqual(['tx', 'commit']);
  });

  test('writes a relation again once it has another version', () => {
    const wider = relationOf(1, 'public.users', ['id', 'name', 'email']);
    const [record] = new RecordBuilder()
      .relation(users)
      .begin('0/10')
      .row(1, 'c', { new: ['1', 'Ada'] })
      .relation(wider)
      .row(1, 'c', { new: ['2', 'Bob', null] })
      .commit()
      .take();
    expect(kinds(record!)).toEqual(['tx', 'relation', 'rel', 'relation', 'rel', 'commit']);
    expect(linesOf(record!)[3]).toEqual(relationToLine(wider));
  });

  test('closes a record at the limit within a transaction, and at half of it between transactions', () => {
    const builder = new RecordBuilder(1_000).relation(users);
    const big = 'x'.repeat(600);
    builder
      .begin('0/10')
      .row(1, 'c', { new: ['1', big] })
      .commit();
    builder.begin('0/20').row(1, 'c', { new: ['2', big] });
    builder.row(1, 'c', { new: ['3', big] });
    builder.row(1, 'c', { new: ['4', 'small'] }).commit();
    const records = builder.take();
    expect(records.map((record) => [readSpan(record).first, readSpan(record).last])).toEqual([
      [at('0/10', 0), at('0/10', 1)],
      [at('0/20', 0), at('0/20', 1)],
      [at('0/20', 2), at('0/20', 3)],
    ]);
  });

  test('counts the bytes that wait, sealed or not', () => {
    const writer = new RecordWriter(1);
    expect(writer.bytes).toBe(0);
    writer.begin('{"tx":"0/10","xid":7,"time":""}');
    for (let index = 0; index < 3; index++) {
      const before = writer.bytes;
      writer.line({ lsn: parseLsn('0/10'), index }, `{"message":"m","ix":${index},"content":""}`);
      expect(writer.bytes).toBeGreaterThan(before);
    }
    const bytes = writer.bytes;
    const records = writer.take();
    // The last record's header is written when it is taken.
    expect(records.reduce((sum, record) => sum + record.length, 0)).toBeGreaterThan(bytes);
    expect([writer.bytes, writer.isEmpty]).toEqual([0, true]);
  });

  test('is complete behind a commit only', () => {
    const writer = new RecordWriter();
    writer.begin('{"tx":"0/10","xid":7,"time":""}');
    writer.line({ lsn: parseLsn('0/10'), index: 0 }, '{"message":"m","ix":0,"content":""}');
    expect(writer.isComplete).toBe(false);
    writer.commit({ lsn: parseLsn('0/10'), index: 1 }, '{"commit":"0/10","ix":1,"end":"0/40"}');
    expect(writer.isComplete).toBe(true);
  });
});

type Written =
  | { readonly kind: 'begin' | 'commit' | 'take' }
  | { readonly kind: 'relation'; readonly id: number; readonly columns: readonly string[] }
  | { readonly kind: 'row'; readonly id: number; readonly values: readonly (string | null | false)[] }
  | { readonly kind: 'rows'; readonly id: number; readonly lines: readonly string[] }
  | { readonly kind: 'truncate' }
  | { readonly kind: 'message'; readonly content: string };

const id = fc.constantFrom(1, 2);
const written: fc.Arbitrary<Written> = fc.oneof(
  fc.record({ kind: fc.constantFrom('begin' as const, 'commit' as const, 'take' as const) }),
  fc.record({ kind: fc.constant('relation' as const), id, columns: fc.array(anyText, { minLength: 1, maxLength: 3 }) }),
  fc.record({
    kind: fc.constant('row' as const),
    id,
    values: fc.array(fc.oneof(anyText, fc.constant(null), fc.constant(false as const)), { maxLength: 3 }),
  }),
  fc.record({
    kind: fc.constant('rows' as const),
    id,
    lines: fc.array(anyText.map((text) => text.replaceAll('\n', ' '))),
  }),
  fc.record({ kind: fc.constant('truncate' as const) }),
  fc.record({ kind: fc.constant('message' as const), content: anyText }),
);

/** An event as it was given, and as it is found: where it stands, its transaction, its relations, what it says. */
interface Event {
  readonly position: Position;
  readonly transaction: string;
  readonly relations: readonly Relation[];
  readonly line: unknown;
}

/** Plays what is to be written on a builder, and says what must be found. */
function write(steps: readonly Written[], limitBytes: number): { records: Buffer[]; expected: Event[] } {
  const builder = new RecordBuilder(limitBytes).relation(users).relation(posts);
  const relations = new Map([users, posts].map((relation) => [relation.id, relation]));
  const records: Buffer[] = [];
  const expected: Event[] = [];
  let lsn = 0n;
  let index = 0;
  const event = (ids: readonly number[], line: object) => {
    const position = { lsn: lsn as Lsn, index: index++ };
    expected.push({
      position,
      transaction: formatLsn(position.lsn),
      relations: ids.map((i) => relations.get(i)!),
      line,
    });
  };
  const begin = () => {
    lsn += 16n;
    index = 0;
    builder.begin(formatLsn(lsn as Lsn));
  };
  begin();
  for (const step of steps) {
    if (step.kind === 'begin') begin();
    else if (step.kind === 'take') records.push(...builder.take());
    else if (step.kind === 'relation') {
      const relation = relationOf(step.id, `public.t${step.id}`, step.columns);
      relations.set(step.id, relation);
      builder.relation(relation);
    } else if (step.kind === 'row') {
      event([step.id], { rel: step.id, ix: index, op: 'c', new: step.values });
      builder.row(step.id, 'c', { new: step.values });
    } else if (step.kind === 'rows') {
      const text = step.lines.map((line) => `${line}\n`).join('');
      const columns = relations.get(step.id)!.columns.map((column) => column.name);
      const bytes = Buffer.byteLength(text);
      event([step.id], { rel: step.id, ix: index, op: 'r', rows: step.lines.length, bytes, columns, text });
      builder.rows(relations.get(step.id)!, text);
    } else if (step.kind === 'truncate') {
      event([1, 2], { rel: 0, ix: index, op: 't', relations: [1, 2], cascade: false, restartIdentity: false });
      builder.truncate([1, 2]);
    } else if (step.kind === 'message') {
      event([], { message: 'ferry:marker', ix: index, content: step.content });
      builder.message('ferry:marker', step.content);
    } else {
      event([], { commit: formatLsn(lsn as Lsn), ix: index, end: '0/FFFF' });
      builder.commit('0/FFFF');
      begin();
    }
  }
  records.push(...builder.take());
  return { records, expected };
}

/** Reads records, each on its own: none may need another. */
function read(records: readonly Buffer[]): Event[] {
  const found: Event[] = [];
  for (const record of records) {
    const relations = new Map<number, Relation>();
    let transaction = '';
    const lines = linesOf(record);
    const scanner = new RecordScanner(record);
    for (const line of lines) {
      scanner.next();
      if (scanner.kind === 'transaction') {
        transaction = scanner.transaction().tx;
        continue;
      }
      if (scanner.kind === 'relation') {
        const relation = relationFromLine(scanner.relationLine());
        relations.set(relation.id, relation);
        continue;
      }
      const ids =
        scanner.kind === 'truncate'
          ? scanner.truncate().relations
          : scanner.kind === 'row' || scanner.kind === 'rows'
            ? [scanner.relation]
            : [];
      const position = { lsn: parseLsn(transaction), index: scanner.index };
      found.push({ position, transaction, relations: ids.map((i) => relations.get(i)!), line });
    }
    expect(scanner.next()).toBe(false);
  }
  return found;
}

describe('what RecordWriter writes', () => {
  test('RecordScanner reads, wherever records are cut', () => {
    fc.assert(
      fc.property(fc.array(written, { maxLength: 25 }), fc.constantFrom(1, 200, 1_000, 400_000), (steps, limit) => {
        const { records, expected } = write(steps, limit);
        expect(read(records)).toEqual(expected);
      }),
    );
  });

  test('has the span that its header says, and positions that rise from record to record', () => {
    fc.assert(
      fc.property(fc.array(written, { maxLength: 25 }), fc.constantFrom(1, 200, 1_000), (steps, limit) => {
        let last: Position = POSITION_ZERO;
        for (const record of write(steps, limit).records) {
          const events = read([record]);
          const span = readSpan(record);
          expect([span.first, span.last]).toEqual([events[0]!.position, events.at(-1)!.position]);
          expect(span.complete).toBe('commit' in (events.at(-1)!.line as object));
          expect(isAfter(span.first, last)).toBe(true);
          expect(comparePositions(span.first, span.last)).toBeLessThanOrEqual(0);
          last = span.last;
        }
      }),
    );
  });
});

function at(lsn: string, index: number): Position {
  return { lsn: parseLsn(lsn), index };
}
