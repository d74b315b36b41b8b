import { randomBytes } from 'node:crypto';
import net from 'node:net';
import { Kafka, logLevel } from 'kafkajs';
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

    test('a record above max.message.bytes is named, and the next append goes on from the real end', async () => {
      await append('before');
      const bytes = 17 * 1024 * 1024;
      const tooLarge = log.append([{ ...raw, values: [Buffer.from('with it'), Buffer.alloc(bytes)] }]);
      await expect(tooLarge).rejects.toMatchObject({ code: 'record-too-large', details: { topic: raw.topic } });
      await expect(tooLarge).rejects.toThrow(new RegExp(`${raw.topic}/0`));
      await append('after');
      expect(await readTexts()).toEqual(['before', 'with it', 'after']);
    });

    test('every topic of an append is done before the error of one is thrown', async () => {
      const other = { topic: `${pipeline}.domain.growth`, partition: 0 };
      await log.createTopics([{ topic: other.topic, partitions: 1 }]);
      const batches = [
        { ...raw, values: [Buffer.alloc(17 * 1024 * 1024)] },
        { ...other, values: [Buffer.from('here')] },
      ];
      await expect(log.append(batches)).rejects.toMatchObject({ code: 'record-too-large' });
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

async function refusingPort(): Promise<number> {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as net.AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
