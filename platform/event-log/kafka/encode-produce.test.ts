import { createRequire } from 'node:module';
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { encodeProduce, type ProduceArguments } from './encode-produce.js';

const require = createRequire(import.meta.url);
type Encoded = { readonly buffer: Buffer };
const requestV3 = require('kafkajs/src/protocol/requests/produce/v3/request.js') as (request: ProduceArguments) => {
  encode(): Promise<Encoded>;
};

const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array));

describe('a Produce request', () => {
  const message = fc.record({
    key: fc.option(fc.oneof(fc.string(), bytes)),
    value: fc.option(fc.oneof(bytes, fc.constantFrom(Buffer.alloc(64), Buffer.alloc(20_000, 'x')))),
    headers: fc.dictionary(fc.string(), fc.string(), { maxKeys: 2, noNullPrototype: true }),
  });
  const partition = fc.record({
    partition: fc.nat(100),
    firstSequence: fc.nat(2 ** 31 - 1),
    messages: fc.array(message, { minLength: 1, maxLength: 150 }),
  });
  const request = fc.record({
    acks: fc.constantFrom(-1, 0, 1),
    timeout: fc.nat(60_000),
    producerId: fc.bigInt({ min: -1n, max: 2n ** 63n - 1n }).map(String),
    producerEpoch: fc.nat(2 ** 15 - 1),
    topicData: fc.array(
      fc.record({
        topic: fc.constantFrom('p.raw', 'p.domain.growth', 'ä'),
        partitions: fc.array(partition, { minLength: 1, maxLength: 2 }),
      }),
      { minLength: 1, maxLength: 2 },
    ),
  });

  test('is byte by byte that of kafkajs', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: 1_769_860_800_123 });
    try {
      await fc.assert(
        fc.asyncProperty(request, async (asked) => {
          const { buffer } = await requestV3(asked).encode();
          expect(encodeProduce(asked)!.equals(buffer)).toBe(true);
        }),
        { numRuns: 60 },
      );
    } finally {
      vi.useRealTimers();
    }
  });

  test('that only kafkajs can encode is left to it', () => {
    const plain = { acks: -1, timeout: 1, topicData: [] };
    const of = (more: object) => ({
      ...plain,
      topicData: [{ topic: 't', partitions: [{ partition: 0, messages: [{ value: Buffer.from('x'), ...more }] }] }],
    });
    expect(encodeProduce(of({}))).toBeInstanceOf(Buffer);
    expect(encodeProduce({ ...plain, compression: 1 })).toBeUndefined();
    expect(encodeProduce({ ...plain, transactionalId: 't' })).toBeUndefined();
    expect(encodeProduce(of({ headers: { h: ['x', 'y'] } }))).toBeUndefined();
    expect(encodeProduce(of({ timestamp: '1' }))).toBeUndefined();
  });
});
