import { describe, expect, test } from 'vitest';
import { linesOf, RecordBuilder, relationOf } from '../test/support/record-builder.js';
import { parseLsn } from './lsn.js';
import { nthIndex } from './position.js';
import { type LineKind, RecordScanner, readSpan } from './record-scanner.js';

const users = relationOf(16385, 'public.users', ['id', 'name']);

const sample = () =>
  new RecordBuilder()
    .relation(users)
    .begin('0/10')
    .row(16385, 'u', { key: ['7', null], new: ['1', false] })
    .rows(users, '1\tAda\n2\t{"rel":9,"ix":9,"op":"c"}\n', { chunk: { upTo: ['2'], final: false } })
    .truncate([16385], { cascade: true })
    .message('ferry:marker', 'x')
    .commit()
    .take()[0]!;

describe('RecordScanner', () => {
  test('says of each line what it is and where it stands', () => {
    const record = sample();
    const scanner = new RecordScanner(record);
    const seen: [LineKind, number, string][] = [];
    let behind = record.indexOf('\n') + 1;
    while (scanner.next()) {
      expect(scanner.start).toBe(behind);
      behind = scanner.end;
      seen.push([scanner.kind, scanner.index, scanner.op]);
    }
    expect(behind).toBe(record.length);
    expect(seen.map(([kind]) => kind)).toEqual([
      'transaction',
      'relation',
      'row',
      'rows',
      'truncate',
      'message',
      'commit',
    ]);
    expect(seen.slice(2).map(([, index]) => index)).toEqual([0, 1, 2, 3, 4]);
    expect(seen.slice(2, 5).map(([, , op]) => op)).toEqual(['u', 'r', 't']);
  });

  test('reads relation ids and indexes of many digits', () => {
    const wide = relationOf(4294967295, 'public.t', ['id']);
    const [record] = new RecordBuilder()
      .relation(wide)
      .begin('0/10', { from: 123456789 })
      .row(4294967295, 'd', { key: ['1'] })
      .take();
    const scanner = new RecordScanner(record!);
    while (scanner.kind !== 'row') scanner.next();
    expect([scanner.relation, scanner.index]).toEqual([4294967295, 123456789]);
  });

  test('reads an index between two whole ones', () => {
    const index = nthIndex(123456789, 63);
    const record = Buffer.from(`{}\n{"rel":${2 ** 38 + 7},"ix":${index},"op":"c","new":["1"]}\n`);
    const scanner = new RecordScanner(record);
    scanner.next();
    expect([scanner.relation, scanner.index, scanner.op]).toEqual([2 ** 38 + 7, index, 'c']);
    expect(record.toString('utf8', scanner.opAt)).toBe('c","new":["1"]}\n');
  });

  test("passes over a snapshot's rows that look like lines of ours", () => {
    expect(linesOf(sample())[3]).toMatchObject({ op: 'r', rows: 2, text: '1\tAda\n2\t{"rel":9,"ix":9,"op":"c"}\n' });
  });

  test('takes a block without rows', () => {
    const [record] = new RecordBuilder()
      .relation(users)
      .begin('0/10')
      .rows(users, '', { chunk: { final: true } })
      .commit()
      .take();
    expect(linesOf(record!).at(-2)).toMatchObject({ rows: 0, bytes: 0, text: '', chunk: { final: true } });
  });
});

describe('a damaged record is named', () => {
  const damaged = (change: (text: string) => string) => {
    const scanner = new RecordScanner(Buffer.from(change(sample().toString())));
    return () => {
      while (scanner.next());
    };
  };
  const corrupt = (message: string) => expect.objectContaining({ code: 'log-corrupt', message });

  test.each([
    ['a line that nobody writes', (t: string) => t.replace('{"commit"', '{"future"'), 'an unknown line "{\\"future'],
    ['a last line that is cut', (t: string) => t.slice(0, -1), 'a line without an end'],
    ['rows that are cut', (t: string) => t.slice(0, t.indexOf('Ada')), 'rows cut short'],
    ['a line that is not JSON', (t: string) => t.replace('"end":', '"end"'), 'a line that is not JSON'],
  ])('%s', (_, change, message) => {
    expect(damaged(change)).toThrow(corrupt(expect.stringContaining(`a record of the log holds ${message}`) as never));
  });

  test.each([
    ['nothing', ''],
    ['no JSON', 'hello\n'],
    ['JSON of somebody else', '{"id":1}\n'],
    ['a version to come', '{"ferry":2,"first":["0/1",0],"last":["0/1",0],"complete":true}\n'],
  ])('%s instead of a header', (_, text) => {
    expect(() => readSpan(Buffer.from(text))).toThrow(expect.objectContaining({ code: 'log-corrupt' }));
  });

  test('a header without a line behind it is still read', () => {
    expect(readSpan(Buffer.from('{"ferry":1,"first":["0/1",0],"last":["0/2",3]}'))).toEqual({
      first: { lsn: parseLsn('0/1'), index: 0 },
      last: { lsn: parseLsn('0/2'), index: 3 },
      complete: false,
    });
  });
});
