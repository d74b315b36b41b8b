import { randomBytes } from 'node:crypto';
import net from 'node:net';
import { type Admin, Kafka, type KafkaMessage, logLevel } from 'kafkajs';
import { afterEach, beforeEach, describe, expect, inject, test, vi } from 'vitest';
import { eventLogContract } from '../../platform/event-log/contract.js';
import { openKafkaLog } from '../../platform/event-log/kafka/open.js';
import type { EventLog, TopicPartition } from '../../platform/event-log/port.js';
import { silentLogger } from '../../platform/logger.js';
import { eventually } from '../support/eventually.js';
import { loseProduceAnswers } from '../support/lost-answers.js';
// Declares what the global set-up provides.
import type {} from '../support/servers.js';

const brokers = inject('servers').brokers ?? [];

const opened: EventLog[] = [];

async function open(pipeline: string, options: { brokers?: readonly string[] } = {}): Promise<EventLog> {
  const log = await openKafkaLog({ brokers, pipeline, clientId: 'ferry-test', logger: silentLogger, ...options });
  opened.push(log);
  return log;
}

async function closeAll(): Promise<void> {
  await Promise.all(opened.splice(0).map((log) => log[Symbol.asyncDispose]()));
}

describe.skipIf(brokers.length === 0)('on a real broker', () => {
  eventLogContract('kafka', async (pipeline) => ({
    log: await open(pipeline),
    reopen: () => open(pipeline),
    close: closeAll,
  }));

  describe('kafka', () => {
    const kafka = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING });
    let pipeline: string;
    let raw: TopicPartition;
    let log: EventLog;

    beforeEach(async () => {
      pipeline = `kafka-${randomBytes(5).toString('hex')}`;
      raw = { topic: `${pipeline}.raw`, partition: 0 };
      log = await open(pipeline);
      await log.createTopics([{ topic: raw.topic, partitions: 1 }]);
    });

    afterEach(async () => {
      vi.restoreAllMocks();
      await closeAll();
    });

    const append = (...texts: string[]) => log.append([{ ...raw, values: texts.map((text) => Buffer.from(text)) }]);
    const readTexts = async () => {
      const records = await log.read({ ...raw, offset: 0 }, { maxBytes: 1_000_000, waitMs: 0 });
      return records.map((record) => record.value.toString());
    };

    test('an append whose answer is lost is in the log once', async () => {
      await append('before');
      await closeAll();
      log = await open(pipeline);
      const losses = loseProduceAnswers(1);
      await append('a', 'b');
      expect(losses()).toBe(1);
      await append('c');
      expect(await readTexts()).toEqual(['before', 'a', 'b', 'c']);
    });

    test('appends asked for at the same time are in the log once and in order, though an answer is lost', async () => {
      const losses = loseProduceAnswers(1);
      await Promise.all(['a', 'b', 'c'].map((text) => append(text)));
      expect(losses()).toBe(1);
      expect(await readTexts()).toEqual(['a', 'b', 'c']);
    });

    const withAdmin = async <T>(work: (admin: Admin) => Promise<T>): Promise<T> => {
      const admin = kafka.admin();
      await admin.connect();
      return work(admin).finally(() => admin.disconnect());
    };

    test("a topic's own max.message.bytes counts, whoever set it, and also once it is lowered", async () => {
      const large = (bytes: number) => log.append([{ ...raw, values: [Buffer.from('a'), Buffer.alloc(bytes, 7)] }]);
      await large(1_500_000);
      const configEntries = [{ name: 'max.message.bytes', value: '50000' }];
      await withAdmin((admin) =>
        admin.alterConfigs({ validateOnly: false, resources: [{ type: 2, name: raw.topic, configEntries }] }),
      );
      const before = await log.endOffset(raw);
      const [end] = await large(1_500_000);
      expect(end! - before).toBeGreaterThan(30);
      const sizes = [];
      for (let offset = 0; offset < end!; ) {
        const [record] = await log.read({ ...raw, offset }, { maxBytes: 1, waitMs: 0 });
        sizes.push(record!.value.length);
        offset = record!.offset + 1;
      }
      expect(sizes).toEqual([1, 1_500_000, 1, 1_500_000]);
    });

    test('a record in parts can be read by other clients: the values one after the other', async () => {
      const value = randomBytes(2_500_000);
      await log.append([{ ...raw, values: [value] }]);
      const messages = await consumeAll(kafka, raw.topic, 3);
      expect(Buffer.concat(messages.map((message) => message.value!)).equals(value)).toBe(true);
      const parts = messages.map(({ headers }) => String(headers!['ferry-part']));
      expect(parts.map((part) => part.replace(/^[0-9a-f]{12} /, ''))).toEqual(['1/3', '2/3', '3/3']);
    });

    test('what is left of a record that did not become whole is stepped over, and the next try is whole', async () => {
      await append('before');
      const producer = kafka.producer();
      await producer.connect();
      const broken = ['1/3', '2/3'].map((part) => ({
        value: 'x',
        partition: 0,
        headers: { 'ferry-part': `a ${part}` },
      }));
      await producer.send({ topic: raw.topic, messages: broken });
      await producer.disconnect();
      expect((await log.last(raw))!.value.toString()).toBe('before');
      const waiting = log.read({ ...raw, offset: 1 }, { maxBytes: 1, waitMs: 30_000 });
      log = await open(pipeline);
      await append('after');
      expect((await waiting).map((record) => record.value.toString())).toEqual(['after']);
      expect(await readTexts()).toEqual(['before', 'after']);
      expect((await log.last(raw))!.value.toString()).toBe('after');
    });

    test('large records of several writers of one topic are all whole', async () => {
      const at = { topic: `${pipeline}.dead-letter`, partition: 0 };
      await log.createTopics([{ topic: at.topic, partitions: 1 }]);
      const writers = [log, await open(pipeline)];
      const values = writers.map((_, i) => Buffer.alloc(2_100_000, i + 1));
      await Promise.all(writers.map((writer, i) => writer.append([{ ...at, values: [values[i]!, values[i]!] }])));
      const found: number[] = [];
      for (let offset = 0, end = await log.endOffset(at); offset < end; ) {
        const [record] = await log.read({ ...at, offset }, { maxBytes: 1, waitMs: 0 });
        expect(record!.value.equals(values[record!.value[0]! - 1]!)).toBe(true);
        found.push(record!.value[0]!);
        offset = record!.offset + 1;
      }
      expect(found.sort()).toEqual([1, 1, 2, 2]);
    });

    test('every topic of an append is done before the error of one is thrown', async () => {
      const other = { topic: `${pipeline}.domain.growth`, partition: 0 };
      await log.createTopics([{ topic: other.topic, partitions: 1 }]);
      await append('ours');
      await (await open(pipeline)).append([{ ...raw, values: [Buffer.from('of another')] }]);
      const batches = [
        { ...raw, values: [Buffer.from('late')] },
        { ...other, values: [Buffer.from('here')] },
      ];
      await expect(log.append(batches)).rejects.toMatchObject({ code: 'log-regressed' });
      expect(await log.endOffset(other)).toBe(1);
    });

    test('topics are made for good: history without end, control compacted', async () => {
      await log.control.put('key', 'value');
      const admin = kafka.admin();
      await admin.connect();
      try {
        const { resources } = await admin.describeConfigs({
          includeSynonyms: false,
          resources: [raw.topic, `${pipeline}.control`].map((name) => ({ type: 2, name })),
        });
        const settings = resources.map(
          ({ configEntries }) => new Map(configEntries.map((e) => [e.configName, e.configValue])),
        );
        expect(settings.map((each) => each.get('cleanup.policy'))).toEqual(['delete', 'compact']);
        expect(settings[0]!.get('retention.ms')).toBe('-1');
      } finally {
        await admin.disconnect();
      }
    });

    test('the markers of a transaction are no records: read and last step over them', async () => {
      const producer = kafka.producer({ transactionalId: pipeline, maxInFlightRequests: 1, idempotent: true });
      await producer.connect();
      const transaction = await producer.transaction();
      await transaction.send({ topic: raw.topic, messages: [{ value: 'in it', partition: 0 }] });
      await transaction.commit();
      await producer.disconnect();
      // The broker writes the marker a moment after it has acknowledged the commit.
      await eventually(async () => (await log.endOffset(raw)) === 2, { what: 'the marker' });
      expect((await log.last(raw))?.value.toString()).toBe('in it');
      await append('behind it');
      expect((await log.last(raw))?.value.toString()).toBe('behind it');
      const behind = await log.read({ ...raw, offset: 1 }, { maxBytes: 1_000, waitMs: 0 });
      expect(behind.map((record) => record.offset)).toEqual([2]);
    });

    test('an offset that the topic does not hold is an error, not a jump', async () => {
      await append('a');
      const beyond = log.read({ ...raw, offset: 100 }, { maxBytes: 1_000, waitMs: 0 });
      await expect(beyond).rejects.toMatchObject({ code: 'log-corrupt' });
    });

    test('a topic that does not exist is not created by asking for it', async () => {
      const nowhere = { topic: `${pipeline}.domain.none`, partition: 0 };
      await expect(log.endOffset(nowhere)).rejects.toMatchObject({ code: 'log-unreachable' });
      const admin = kafka.admin();
      await admin.connect();
      expect(await admin.listTopics()).not.toContain(nowhere.topic);
      await admin.disconnect();
    });

    test('what is called after the end of the log fails', async () => {
      const waiting = log.read({ ...raw, offset: 0 }, { maxBytes: 1_000, waitMs: 30_000 });
      await closeAll();
      expect(await waiting).toEqual([]);
      await expect(append('late')).rejects.toMatchObject({ code: 'internal' });
      await expect(readTexts()).rejects.toMatchObject({ code: 'internal' });
    });
  });
});

describe('without a broker', () => {
  const at = { topic: 'shop.raw', partition: 0 };
  const value = [{ topic: 'shop.dead-letter', partition: 0, values: [Buffer.from('a')] }];

  afterEach(closeAll);

  test('where nothing listens, every call says so within seconds', async () => {
    const log = await open('shop', { brokers: [`127.0.0.1:${await refusingPort()}`] });
    const calls = [
      () => log.append(value),
      () => log.append([{ ...at, values: [Buffer.from('a')] }]),
      () => log.read({ ...at, offset: 0 }, { maxBytes: 1, waitMs: 0 }),
      () => log.endOffset(at),
      () => log.last(at),
      () => log.createTopics([{ topic: at.topic, partitions: 1 }]),
      () => log.control.put('key', 1),
      () => log.control.get('key'),
    ];
    await Promise.all(calls.map((call) => expect(call()).rejects.toMatchObject({ code: 'log-unreachable' })));
  }, 15_000);

  test('where nobody answers, the end of the log does not wait', async () => {
    const silent = net.createServer();
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const log = await open('shop', { brokers: [`127.0.0.1:${(silent.address() as net.AddressInfo).port}`] });
    const connected = new Promise((resolve) => silent.once('connection', resolve));
    const failures = [
      log.append(value).catch((error) => error.code),
      log.read({ ...at, offset: 0 }, { maxBytes: 1, waitMs: 60_000 }),
    ];
    await connected;
    await closeAll();
    expect(await Promise.all(failures)).toEqual(['log-unreachable', []]);
    silent.close();
  }, 15_000);
});

/** The first messages of a topic, as any consumer gets them. */
async function consumeAll(kafka: Kafka, topic: string, count: number): Promise<KafkaMessage[]> {
  const consumer = kafka.consumer({ groupId: topic });
  const messages: KafkaMessage[] = [];
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  await consumer.run({ eachMessage: async ({ message }) => void messages.push(message) });
  await eventually(() => messages.length >= count, { what: `${count} messages`, timeoutMs: 30_000 });
  await consumer.disconnect();
  return messages;
}

async function refusingPort(): Promise<number> {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as net.AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
