import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { anyText, HOSTILE_TEXTS } from '../test/support/texts.js';
import { ByteWriter } from './byte-writer.js';

function jsonString(bytes: Buffer, capacity = 64): string {
  const out = new ByteWriter(capacity);
  out.jsonString(bytes, 0, bytes.length);
  return out.view().toString('utf8');
}

describe('jsonString', () => {
  test.each([...HOSTILE_TEXTS, '\u0000'].map((text) => [JSON.stringify(text), text]))(
    'carries %s through JSON',
    (_, text) => {
      expect(JSON.parse(jsonString(Buffer.from(text)))).toBe(text);
    },
  );

  test('carries any text through JSON, from the middle of other bytes, whatever was written before', () => {
    fc.assert(
      fc.property(anyText, anyText, anyText, (before, text, after) => {
        const bytes = Buffer.from(text);
        const source = Buffer.concat([Buffer.from(before), bytes, Buffer.from(after)]);
        const start = Buffer.byteLength(before);
        const out = new ByteWriter(1);
        out.text('[');
        out.jsonString(source, start, start + bytes.length);
        out.ascii(',');
        out.jsonString(source, 0, source.length);
        out.byte(']'.charCodeAt(0));
        expect(JSON.parse(out.view().toString('utf8'))).toEqual([text, before + text + after]);
      }),
    );
  });

  test('writes a line that holds no line feed', () => {
    fc.assert(fc.property(anyText, (text) => !jsonString(Buffer.from(text)).includes('\n')));
  });

  test('leaves an invalid sequence exactly as it was', () => {
    const bytes = Buffer.from([0x61, 0xff, 0xc3, 0x28, 0xed, 0xa0, 0x80, 0x62]);
    const out = new ByteWriter();
    out.jsonString(bytes, 0, bytes.length);
    expect(out.view().subarray(1, -1)).toEqual(bytes);
  });

  test('makes room for the worst case', () => {
    expect(JSON.parse(jsonString(Buffer.alloc(1_000, 1), 8))).toBe('\u0001'.repeat(1_000));
  });
});

describe('ByteWriter', () => {
  test('keeps what was written when it grows', () => {
    fc.assert(
      fc.property(fc.array(anyText), (texts) => {
        const out = new ByteWriter(1);
        for (const text of texts) out.text(text);
        const expected = Buffer.from(texts.join(''));
        expect(out.length).toBe(expected.length);
        expect(out.view().equals(expected)).toBe(true);
      }),
    );
  });

  test('copies a part of other bytes, of a view into another buffer too', () => {
    const out = new ByteWriter(2);
    const source = Buffer.from('0123456789').subarray(2, 8);
    out.bytes(source);
    out.bytes(source, 1, 3);
    out.bytes(source, 3, 3);
    expect(out.view().toString()).toBe('23456734');
  });

  test('begins anew after clear, and gives the memory of a huge row back', () => {
    const out = new ByteWriter(16);
    out.bytes(Buffer.alloc(20 * 1024 * 1024, 'x'));
    expect(out.view().buffer.byteLength).toBeGreaterThanOrEqual(20 * 1024 * 1024);
    out.clear();
    expect(out.length).toBe(0);
    out.text('ab');
    expect(out.view().toString()).toBe('ab');
    expect(out.view().buffer.byteLength).toBeLessThan(1024 * 1024);
  });
});
