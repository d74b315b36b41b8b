import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cutMessage, type FetchedRecord, firstOffset, PartJoiner, partOf } from './parts.js';
import { messageBytes, type OutgoingMessage } from './split-messages.js';

const LIMIT = 200;

/** Messages as they are read: whole ones, and those of cut values, each attempt with an id of its own. */
function fetched(messages: readonly OutgoingMessage[]): FetchedRecord[] {
  return messages.map(({ value, headers }, offset) => ({ offset, key: null, value, part: partOf(headers) }));
}

function cut(value: Buffer, id: string, parts?: number) {
  return cutMessage({ key: null, value }, LIMIT, id).slice(0, parts);
}

function joined(messages: readonly FetchedRecord[]): { offset: number; text: string }[] {
  const joiner = new PartJoiner();
  return messages.flatMap((message) => {
    const record = joiner.take(message);
    return record ? [{ offset: record.offset, text: record.value.toString('latin1') }] : [];
  });
}

test('a value is cut into parts within the limit, and is the same when they are joined, at the offset of the last', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 2_000 }), (bytes) => {
      const value = Buffer.from(bytes);
      const parts = cut(value, 'a');
      for (const part of parts) expect(messageBytes(part)).toBeLessThanOrEqual(LIMIT);
      expect(Buffer.concat(parts.map((part) => part.value)).equals(value)).toBe(true);
      expect(joined(fetched(parts))).toEqual([{ offset: parts.length - 1, text: value.toString('latin1') }]);
    }),
    { numRuns: 50 },
  );
});

test('what did not become whole is no record, wherever another writer came between', () => {
  const [large, other] = [Buffer.alloc(500, 'l'), Buffer.alloc(400, 'o')];
  const small = { key: null, value: Buffer.from('s') };
  const [first, second] = [cut(large, 'a'), cut(large, 'b')];
  const cases: [name: string, messages: readonly OutgoingMessage[], texts: Buffer[]][] = [
    ['a crash between two parts, and the next try', [...first.slice(0, 2), ...second], [large]],
    ['a late part behind another record', [...first.slice(0, 2), small, ...first.slice(2)], [small.value]],
    ['a part of another attempt between', [...second.slice(0, 1), first[1]!, ...second.slice(1)], []],
    ['two attempts in turns', first.flatMap((part, i) => [part, second[i]!]), []],
    ['the same part twice', [first[0]!, first[0]!, ...first.slice(1)], [large]],
    ['another record behind a broken one', [...first.slice(1), ...cut(other, 'c')], [other]],
  ];
  for (const [name, messages, texts] of cases) {
    expect(
      joined(fetched(messages)).map(({ text }) => text),
      name,
    ).toEqual(texts.map((text) => text.toString('latin1')));
  }
});

test('reading from within a record begins at its first part, and gives what reading from the start gives', () => {
  const message = fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 700 }));
  const scene = fc.array(fc.tuple(message, fc.nat(9), fc.nat(2)), { minLength: 1, maxLength: 12 });
  fc.assert(
    fc.property(scene, (items) => {
      const messages = fetched(
        items.flatMap(([bytes, kept, id], i) =>
          bytes === 0
            ? [{ key: null, value: Buffer.from(`small ${i}`) }]
            : cut(Buffer.alloc(bytes, `${i}`), `id${id}`, kept === 0 ? 1 : undefined),
        ),
      );
      const all = joined(messages);
      for (const [offset, at] of messages.entries()) {
        const found = joined(messages.slice(firstOffset(at))).filter((record) => record.offset >= offset);
        expect(found).toEqual(all.filter((record) => record.offset >= offset));
      }
    }),
    { numRuns: 200 },
  );
});
