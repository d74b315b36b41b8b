import { expect, test } from 'vitest';
import { KafkaControlState } from './kafka-control-state.js';
import type { Fetched, PartitionClient } from './partition-client.js';
import type { FetchedRecord } from './parts.js';

interface Topic {
  end: number;
  /** What is left of it, by offset; one record in a batch. */
  records: FetchedRecord[];
}

const record = (offset: number, key: string, value: unknown): FetchedRecord => ({
  offset,
  key: Buffer.from(key),
  value: value === undefined ? null : Buffer.from(JSON.stringify(value)),
});

/** A control state over a topic that stands in memory and gives two records at a time. */
function stateOver(topic: Topic): KafkaControlState {
  const client = {
    endOffset: async () => topic.end,
    fetch: async (offset: number): Promise<Fetched> => {
      const records = topic.records.filter((each) => each.offset >= offset).slice(0, 2);
      return { records, nextOffset: (records.at(-1)?.offset ?? offset - 1) + 1, endOffset: topic.end };
    },
  } as unknown as PartitionClient;
  return new KafkaControlState({
    topic: 'shop.control',
    clients: { request: (_at, _options, call) => call(client) },
    append: async () => {},
    createTopic: async () => {},
  });
}

test('a topic with holes, one of them at its end, is read to the end', async () => {
  const state = stateOver({ end: 12, records: [record(3, 'a', 1), record(7, 'b', 2), record(8, 'a', 3)] });
  expect([...(await state.entries(''))]).toEqual([
    ['a', 3],
    ['b', 2],
  ]);
});

test('a tombstone removes its key', async () => {
  const state = stateOver({ end: 2, records: [record(0, 'a', 1), record(1, 'a', undefined)] });
  expect(await state.get('a')).toBeUndefined();
});

test('a topic that was made anew is read anew', async () => {
  const topic: Topic = { end: 2, records: [record(0, 'old', 1), record(1, 'both', 1)] };
  const state = stateOver(topic);
  expect(await state.get('old')).toBe(1);
  Object.assign(topic, { end: 1, records: [record(0, 'both', 2)] });
  expect(await state.entries('')).toEqual(new Map([['both', 2]]));
});

test('a value that is no JSON is named', async () => {
  const state = stateOver({ end: 1, records: [{ offset: 0, key: Buffer.from('k'), value: Buffer.from('{') }] });
  await expect(state.get('k')).rejects.toMatchObject({
    code: 'log-corrupt',
    details: { topic: 'shop.control', key: 'k' },
  });
});
