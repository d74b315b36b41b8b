import fc from 'fast-check';
import { expect, test } from 'vitest';
import { messageBytes, type OutgoingMessage, splitMessages } from './split-messages.js';

const message = (bytes: number): OutgoingMessage => ({ key: null, value: Buffer.alloc(bytes) });

test('messages are cut into sends of at most 900 KiB and 1000 messages, in order and none empty', () => {
  const sizes = fc.array(fc.oneof(fc.nat(100), fc.nat(300_000), fc.nat(2_000_000)), { maxLength: 40 });
  fc.assert(
    fc.property(sizes, (bytes) => {
      const messages = bytes.map(message);
      const sends = splitMessages(messages);
      expect(sends.flat()).toEqual(messages);
      for (const send of sends) {
        const total = send.reduce((sum, one) => sum + messageBytes(one), 0);
        expect(send.length).toBeGreaterThan(0);
        expect(send.length === 1 || total <= 900 * 1024).toBe(true);
      }
    }),
    { numRuns: 50 },
  );
});

test('many small messages are cut by their number', () => {
  expect(splitMessages(Array.from({ length: 2_500 }, () => message(10))).map((send) => send.length)).toEqual([
    1_000, 1_000, 500,
  ]);
});

test('nothing needs no send', () => {
  expect(splitMessages([])).toEqual([]);
});
