import { createRequire } from 'node:module';
import { describe, expect, test } from 'vitest';
import { encodeProduce, HEADER_ROOM_BYTES } from './encode-produce.js';
import './kafkajs-internals.js';

const require = createRequire(import.meta.url);
interface Framed {
  readonly buffer: Buffer;
}
const frame = require('kafkajs/src/protocol/request.js') as (asked: {
  readonly correlationId: number;
  readonly clientId: string;
  readonly request: { readonly apiKey: number; readonly apiVersion: number; readonly encode: () => Promise<unknown> };
}) => Promise<Framed>;
const produce = (
  require('kafkajs/src/protocol/requests/produce/index.js') as {
    protocol: (of: { version: number }) => (asked: object) => { request: { encode: () => Promise<unknown> } };
  }
).protocol;

describe('a Produce request as kafkajs sends it', () => {
  const asked = {
    acks: -1,
    timeout: 1_000,
    topicData: [{ topic: 't', partitions: [{ partition: 0, messages: [{ value: Buffer.alloc(100_000, 'x') }] }] }],
  };

  test.each([
    ['whose header has room before the body', 'ferry-apply'],
    ['whose client id takes more room than there is', 'i'.repeat(HEADER_ROOM_BYTES)],
  ])('%s', async (_, clientId) => {
    const { request } = produce({ version: 7 })(asked);
    const framed = await frame({ correlationId: 7, clientId, request: { apiKey: 0, apiVersion: 7, ...request } });
    const { buffer } = framed;
    const header = 4 + 2 + 2 + 4 + 2 + clientId.length;
    expect(buffer.length).toBe(header + encodeProduce(asked)!.length);
    expect(buffer.readInt32BE(0)).toBe(buffer.length - 4);
    expect([buffer.readInt16BE(4), buffer.readInt16BE(6), buffer.readInt32BE(8)]).toEqual([0, 7, 7]);
    expect(buffer.toString('latin1', 14, header)).toBe(clientId);
    expect(buffer.subarray(-100_005, -1).includes(Buffer.alloc(100_000, 'x'))).toBe(true);
  });

  test('is not copied behind its header', async () => {
    const body = encodeProduce(asked)!;
    const encode = async () => ({ buf: body, buffer: body, room: HEADER_ROOM_BYTES });
    const { buffer } = await frame({ correlationId: 1, clientId: 'c', request: { apiKey: 0, apiVersion: 7, encode } });
    expect(buffer.buffer).toBe(body.buffer);
    expect(buffer.subarray(buffer.length - body.length).equals(body)).toBe(true);
  });
});
