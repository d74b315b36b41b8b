import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ByteWriter } from '../../../core/byte-writer.js';
import type { Tuple, Value } from '../../../core/record.js';
import { tuple } from '../../../test/support/pgoutput-builder.js';
import { anyText } from '../../../test/support/texts.js';
import { readTuple, skipTuple, writeTuple } from './tuple.js';

const anyValue: fc.Arbitrary<Value> = fc.oneof(anyText, fc.constant(null), fc.constant(false as const));
const anyTuple: fc.Arbitrary<Tuple> = fc.array(anyValue, { maxLength: 8 });

function write(bytes: Buffer, at = 0, oldAt?: number): { values: unknown; hasUnchanged: boolean } {
  const out = new ByteWriter(16);
  const hasUnchanged = writeTuple(out, bytes, at, oldAt);
  return { values: JSON.parse(out.view().toString('utf8')), hasUnchanged };
}

describe('a tuple', () => {
  test('is written and read as it was, and ends where it ends', () => {
    fc.assert(
      fc.property(anyTuple, fc.nat({ max: 5 }), (values, before) => {
        const bytes = Buffer.concat([Buffer.alloc(before, 't'), tuple(values), Buffer.from('t')]);
        expect(write(bytes, before)).toEqual({ values, hasUnchanged: values.includes(false) });
        expect(readTuple(bytes, before)).toEqual(values);
        expect(skipTuple(bytes, before)).toBe(bytes.length - 1);
      }),
    );
  });

  test('carries every byte of a value that is no valid UTF-8', () => {
    const invalid = Buffer.from([0x61, 0xff, 0xc3, 0x28]);
    const bytes = tuple(['xxxx']);
    invalid.copy(bytes, bytes.length - 4);
    const out = new ByteWriter();
    writeTuple(out, bytes, 0);
    expect(out.view()).toEqual(Buffer.concat([Buffer.from('["'), invalid, Buffer.from('"]')]));
  });

  test('of no columns is an empty array', () => {
    expect(write(tuple([]))).toEqual({ values: [], hasUnchanged: false });
  });

  test('of 1600 columns, the most that a table can have', () => {
    const values = Array.from({ length: 1_600 }, (_, i) => String(i));
    expect(write(tuple(values)).values).toEqual(values);
  });
});

describe('the old row', () => {
  const writeWithOld = (row: Tuple, old: Tuple) => {
    const bytes = Buffer.concat([tuple(old), tuple(row)]);
    return write(bytes, tuple(old).length, 0);
  };

  test('gives the values that the new one calls unchanged', () => {
    expect(writeWithOld(['1', false, null, false], ['9', 'a\n"b"', 'c', ''])).toEqual({
      values: ['1', 'a\n"b"', null, ''],
      hasUnchanged: false,
    });
  });

  test('that is a key alone gives a key value that is stored out of line, and no null for the others', () => {
    expect(writeWithOld([false, false, '2'], ['long key', null, null])).toEqual({
      values: ['long key', false, '2'],
      hasUnchanged: true,
    });
  });

  test('fills in column by column, whatever they hold', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(anyValue, anyValue)), (columns) => {
        const row = columns.map(([value]) => value);
        const old = columns.map(([, value]) => value);
        const filled = row.map((value, i) => (value === false && typeof old[i] === 'string' ? old[i] : value));
        expect(writeWithOld(row, old)).toEqual({ values: filled, hasUnchanged: filled.includes(false) });
      }),
    );
  });
});

describe('a tuple that cannot be', () => {
  const violation = (message: string) => expect.objectContaining({ code: 'protocol-violation', message });
  const readers = [
    ['skipTuple', skipTuple],
    ['readTuple', readTuple],
    ['writeTuple', (bytes: Buffer, at: number) => write(bytes, at)],
  ] as const;

  test.each(readers)('is refused by %s when it is cut anywhere', (_, read) => {
    const bytes = tuple(['1', null, false, 'text']);
    for (let length = 0; length < bytes.length; length++) {
      expect(() => read(bytes.subarray(0, length), 0), `cut to ${length} bytes`).toThrow(
        violation('the source sent a row that is cut short'),
      );
    }
  });

  test.each(readers)('is refused by %s when a column is of another kind', (_, read) => {
    const bytes = tuple(['1', '2']);
    bytes.write('b', 2);
    expect(() => read(bytes, 0)).toThrow(violation('the source sent a column of an unknown kind 98'));
  });
});
