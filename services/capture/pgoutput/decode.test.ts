import { describe, expect, test } from 'vitest';
import { parseLsn } from '../../../core/lsn.js';
import type { Relation } from '../../../core/relation.js';
import * as pgoutput from '../../../test/support/pgoutput-builder.js';
import { relationOf } from '../../../test/support/record-builder.js';
import { decode, NONE, type RowMessage } from './decode.js';
import { readTuple } from './tuple.js';

const users = relationOf(16385, 'public.users', ['id', 'name']);

/** A row message with its tuples read. */
function rowOf(message: Buffer) {
  const row = decode(message) as RowMessage;
  const at = (offset: number) => (offset === NONE ? undefined : readTuple(message, offset));
  return {
    tag: row.tag,
    op: row.op,
    relation: row.relation,
    key: at(row.keyAt),
    old: at(row.oldAt),
    new: at(row.newAt),
  };
}

describe('decode', () => {
  test('reads begin: commit LSN, commit time, transaction', () => {
    const message = pgoutput.begin({
      commitLsn: parseLsn('FFFFFFFF/0'),
      commitTimeMicros: 1_769_860_800_123_456n,
      xid: 3_000_000_000,
    });
    expect(decode(message)).toEqual({
      tag: 'begin',
      commitLsn: parseLsn('FFFFFFFF/0'),
      commitTimeMicros: 1_769_860_800_123_456n,
      // Unsigned: beyond 2^31 it must not turn negative.
      xid: 3_000_000_000,
    });
  });

  test('reads a commit time before 2000', () => {
    const begin = pgoutput.begin({ commitLsn: parseLsn('0/1'), commitTimeMicros: -1n });
    expect(decode(begin)).toMatchObject({ commitTimeMicros: -1n });
  });

  test('reads commit: its own LSN, and the first one behind it', () => {
    const of = { commitLsn: parseLsn('0/10'), commitEnd: parseLsn('0/40') };
    expect(decode(pgoutput.commit(of))).toEqual({ tag: 'commit', ...of });
  });

  test('reads a relation with identity, key columns, types and type modifiers', () => {
    const relation: Relation = {
      id: 4_294_967_295,
      schema: 'Öffentlich',
      table: 'users "old"',
      identity: 'f',
      columns: [
        { name: 'id', type: 20, typmod: -1, key: true },
        { name: 'née', type: 3_000_000_000, typmod: 24, key: false },
      ],
    };
    expect(decode(pgoutput.relation(relation))).toEqual({ tag: 'relation', relation });
  });

  test('reads the empty schema name as pg_catalog, and a relation without columns', () => {
    const relation: Relation = { ...users, schema: 'pg_catalog', columns: [] };
    expect(decode(pgoutput.relation(relation))).toEqual({ tag: 'relation', relation });
  });

  test('reads an insert', () => {
    expect(rowOf(pgoutput.insert(16385, ['1', null]))).toEqual({
      tag: 'row',
      op: 'c',
      relation: 16385,
      key: undefined,
      old: undefined,
      new: ['1', null],
    });
  });

  test.each([
    ['alone', {}],
    ['with the old key', { key: ['7', null] }],
    ['with the old row', { old: ['7', 'x'.repeat(300)] }],
    ['with an old row of unchanged and null values', { old: [null, ''] }],
  ])('reads an update %s', (_, before) => {
    const row = rowOf(pgoutput.update(16385, ['1', false], before));
    expect(row).toEqual({
      tag: 'row',
      op: 'u',
      relation: 16385,
      key: undefined,
      old: undefined,
      new: ['1', false],
      ...before,
    });
  });

  test.each([
    ['the key', { key: ['7', null] }],
    ['the whole row', { old: ['7', 'Ada'] }],
  ])('reads a delete with %s', (_, before) => {
    const row = rowOf(pgoutput.remove(4_294_967_295, before as { key: string[] }));
    expect(row).toEqual({
      tag: 'row',
      op: 'd',
      relation: 4_294_967_295,
      key: undefined,
      old: undefined,
      new: undefined,
      ...before,
    });
  });

  test.each([
    [{ cascade: false, restartIdentity: false }],
    [{ cascade: true, restartIdentity: false }],
    [{ cascade: false, restartIdentity: true }],
    [{ cascade: true, restartIdentity: true }],
  ])('reads a truncate of several tables: %j', (options) => {
    const relations = [16385, 4_294_967_295];
    expect(decode(pgoutput.truncate(relations, options))).toEqual({ tag: 'truncate', relations, ...options });
  });

  test('reads a logical message', () => {
    expect(decode(pgoutput.message('ferry:marker', 'ü "1"'))).toEqual({
      tag: 'message',
      transactional: true,
      prefix: 'ferry:marker',
      content: 'ü "1"',
    });
    expect(decode(pgoutput.message('x', '', { transactional: false }))).toMatchObject({
      transactional: false,
      content: '',
    });
  });

  test('passes over origins and types', () => {
    expect(decode(pgoutput.origin('elsewhere'))).toEqual({ tag: 'ignored' });
    expect(decode(pgoutput.type(16400, 'public', 'mood'))).toEqual({ tag: 'ignored' });
  });
});

describe('what is no message of protocol version 1', () => {
  const violation = expect.objectContaining({ code: 'protocol-violation' });

  test.each([
    ['a type that does not exist', Buffer.from('Z')],
    ['a stream start, of a protocol that was not asked for', Buffer.from('S\0\0\0\x01\x01')],
    ['nothing', Buffer.alloc(0)],
    ['an insert with an old key', replaceByte(pgoutput.insert(1, ['1']), 5, 'K')],
    ['an update of an unknown kind', replaceByte(pgoutput.update(1, ['1']), 5, 'X')],
    ['a delete of an unknown kind', replaceByte(pgoutput.remove(1, { key: ['1'] }), 5, 'N')],
    ['an update whose new row is missing', pgoutput.update(1, ['1'], { key: ['1'] }).subarray(0, -9)],
    ['an old key with a column of an unknown kind', replaceByte(pgoutput.update(1, ['1'], { key: ['1'] }), 8, 'b')],
  ])('is refused: %s', (_, message) => {
    expect(() => decode(message)).toThrow(violation);
  });

  test.each([
    ['begin', pgoutput.begin({ commitLsn: parseLsn('0/1') })],
    ['relation', pgoutput.relation(users)],
    ['truncate', pgoutput.truncate([1, 2])],
    ['message', pgoutput.message('ferry:marker', 'abc')],
  ])('is refused: a %s that is cut anywhere', (_, message) => {
    for (let length = 1; length < message.length; length++) {
      expect(() => decode(message.subarray(0, length)), `cut to ${length} bytes`).toThrow(violation);
    }
  });

  test.each([
    ['insert', pgoutput.insert(1, ['1', null, 'x'])],
    ['update', pgoutput.update(1, ['1', false, 'x'], { old: ['1', 'long', 'x'] })],
    ['delete', pgoutput.remove(1, { key: ['1', null, 'x'] })],
  ])('is refused at the latest when its tuples are read: an %s that is cut anywhere', (_, message) => {
    for (let length = 1; length < message.length; length++) {
      expect(() => rowOf(message.subarray(0, length)), `cut to ${length} bytes`).toThrow(violation);
    }
  });
});

function replaceByte(message: Buffer, at: number, letter: string): Buffer {
  const copy = Buffer.from(message);
  copy.write(letter, at, 'latin1');
  return copy;
}
