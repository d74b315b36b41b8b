import { randomBytes } from 'node:crypto';
import type { Producer } from 'kafkajs';
import pRetry from 'p-retry';
import { FerryError } from '../../../core/errors.js';
import { failpoint } from '../../failpoint.js';
import type { TopicPartition } from '../port.js';
import { classifyKafkaError } from './classify-error.js';
import { type ClientSession, disconnectWithin, type KafkaConnection, openSession } from './client-session.js';
import { connectProducer, createCluster } from './kafkajs-internals.js';
import { cutMessage } from './parts.js';
import { Patience, TRY_AGAIN_MS, untilAnswered } from './patience.js';
import { checkAcknowledged } from './produce-guard.js';
import { messageBytes, type OutgoingMessage, splitMessages } from './split-messages.js';

/**
 * What brokers take in one message by default, less what stands around it. Where the topic's `max.message.bytes` is less,
 * they say so: it is then halved, down to the least.
 */
const DEFAULT_BYTES = 1024 * 1024 - 1024;
const LEAST_BYTES = 8 * 1024;

/** How long a leader may wait for its replicas; the request itself fails a little later. */
const ACKNOWLEDGE_TIMEOUT_MS = 10_000;

/**
 * How often a send is tried again, by the producer that has its sequence number, so that it arrives once: with pauses
 * from 100 to 250 ms that is 13 s, in which Kafka has elected a new leader where a broker was killed.
 */
const SEND_RETRIES = 52;

/** kafkajs lets a send in flight end by itself before it disconnects; not longer than this at the end of a log. */
const DISCONNECT_TIMEOUT_MS = 2_000;

interface Client {
  readonly session: ClientSession;
  readonly producer: Producer;
}

export interface TopicProducerOptions {
  readonly connection: KafkaConnection;
  readonly topic: string;
  /** Nobody else appends to the topic, so that every base offset is known beforehand. */
  readonly isSoleWriter: boolean;
  readonly endOffset: (at: TopicPartition) => Promise<number>;
}

/**
 * Appends to one topic with one send in flight. kafkajs 2.2.4 loses acknowledged messages when an idempotent producer
 * has several sends under way, or one send goes to several partitions; a topic that is to be faster has a producer
 * beside it, not a second send.
 */
export class TopicProducer {
  readonly #options: TopicProducerOptions;
  readonly #ends = new Map<number, number>();
  #client: Client | undefined;
  #connecting: ClientSession | undefined;
  /** A message that is larger becomes several. */
  #limitBytes = DEFAULT_BYTES;
  #tail: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(options: TopicProducerOptions) {
    this.#options = options;
  }

  /**
   * Appends in order, after what was asked for before. After an error it begins with a new producer.
   * @returns the offset behind it.
   */
  append(partition: number, messages: readonly OutgoingMessage[]): Promise<number> {
    return this.#inTurn(() => this.#append(partition, messages));
  }

  /** As of a log; after what was asked for before. */
  takeOver(partition: number): Promise<number> {
    return this.#inTurn(async () => {
      const end = await this.#options.endOffset({ topic: this.#options.topic, partition });
      this.#ends.set(partition, end);
      return end;
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#connecting?.close();
    const client = this.#client;
    this.#client = undefined;
    if (!client) return;
    await disconnectWithin(client.producer, DISCONNECT_TIMEOUT_MS);
    client.session.close();
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#tail.then(work);
    this.#tail = done.catch(() => {});
    return done;
  }

  async #append(partition: number, messages: readonly OutgoingMessage[]): Promise<number> {
    for (let done = 0; done < messages.length; ) {
      try {
        for (const send of splitMessages(messages.slice(done), this.#limitBytes)) {
          await this.#sendWhole(partition, send);
          done += send.length;
        }
      } catch (error) {
        // What of it arrived is unknown, and a producer that tries again later would append it behind our back.
        this.#client?.session.close();
        this.#client = undefined;
        // Of what is too large, nothing has arrived.
        const isRefused = isTooLarge(error);
        if (!isRefused) this.#ends.delete(partition);
        if (!isRefused || this.#limitBytes <= LEAST_BYTES) throw error;
        this.#limitBytes = Math.max(LEAST_BYTES, this.#limitBytes / 2);
      }
    }
    return this.#expectedOffset({ topic: this.#options.topic, partition });
  }

  /** What makes up one send, or one message that must become several. */
  async #sendWhole(partition: number, messages: readonly OutgoingMessage[]): Promise<void> {
    const [message] = messages;
    // A compacted topic keeps one message of a key.
    const isCut = messageBytes(message!) > this.#limitBytes && message!.key === null;
    const { isSoleWriter, topic } = this.#options;
    const expected = isSoleWriter ? await this.#expectedOffset({ topic, partition }) : undefined;
    if (!isCut) return this.#send(partition, messages, expected);
    while (!(await this.#sendParts(partition, message!, expected)));
  }

  /** @returns false when another writer of a shared topic came between two parts: the record is sent again. */
  async #sendParts(partition: number, message: OutgoingMessage, expected: number | undefined): Promise<boolean> {
    const id = randomBytes(6).toString('hex');
    let next = expected;
    for (const part of cutMessage(message, this.#limitBytes, id)) {
      try {
        await this.#send(partition, [part], next);
      } catch (error) {
        if (this.#options.isSoleWriter || !isRegressed(error)) throw error;
        return false;
      }
      await failpoint('log.part-appended');
      next = this.#ends.get(partition);
    }
    return true;
  }

  async #send(
    partition: number,
    messages: readonly OutgoingMessage[],
    expectedOffset: number | undefined,
  ): Promise<void> {
    const { topic } = this.#options;
    const at = { topic, partition };
    const bytes = messages.reduce((sum, message) => sum + messageBytes(message), 0);
    const subject = `append ${messages.length} records of ${bytes} bytes to ${topic}/${partition}`;
    let response: Awaited<ReturnType<Producer['send']>>;
    try {
      const { producer } = await this.#connected();
      const sending = producer.send({
        topic,
        acks: -1,
        timeout: ACKNOWLEDGE_TIMEOUT_MS,
        messages: messages.map((message) => ({ ...message, partition })),
      });
      response = await untilAnswered(sending, subject);
    } catch (error) {
      throw classifyKafkaError(error, subject, { ...at, bytes });
    }
    this.#ends.set(partition, checkAcknowledged(response, { ...at, count: messages.length, expectedOffset }));
  }

  async #expectedOffset(at: TopicPartition): Promise<number> {
    return this.#ends.get(at.partition) ?? this.#options.endOffset(at);
  }

  async #connected(): Promise<Client> {
    if (this.#client) return this.#client;
    const patience = new Patience();
    // Nothing has been sent yet, so a new client is as good: kafkajs gives up at the first broker that is away.
    return pRetry(() => this.#connect(patience), {
      retries: Number.POSITIVE_INFINITY,
      ...TRY_AGAIN_MS,
      shouldRetry: ({ error }) =>
        !this.#closed && classifyKafkaError(error, '').policy.react === 'retry' && !patience.isOver,
    });
  }

  async #connect(patience: Patience): Promise<Client> {
    const { topic, connection } = this.#options;
    if (this.#closed) throw new FerryError('internal', `append to ${topic}: the log is closed`);
    const session = openSession(connection, { requestTimeoutMs: ACKNOWLEDGE_TIMEOUT_MS + 2_000, retries: 1 });
    // What close() ends while it connects.
    this.#connecting = session;
    try {
      const logger = session.kafka.logger();
      const connecting = connectProducer(createCluster(session.config, logger), topic, {
        logger,
        idempotent: true,
        retry: { retries: SEND_RETRIES, initialRetryTime: 100, maxRetryTime: TRY_AGAIN_MS.maxTimeout },
        createPartitioner:
          () =>
          ({ message }) =>
            message.partition ?? 0,
      });
      // Each of its first requests waits by itself, twice: a broker that never answers would take minutes.
      const producer = await untilAnswered(connecting, `connect to append to ${topic}`);
      this.#client = { session, producer };
      return this.#client;
    } catch (error) {
      session.close();
      if (session.hasConnected) patience.reached();
      throw error;
    } finally {
      this.#connecting = undefined;
    }
  }
}

function isTooLarge(error: unknown): boolean {
  return error instanceof FerryError && error.code === 'record-too-large';
}

function isRegressed(error: unknown): boolean {
  return error instanceof FerryError && error.code === 'log-regressed';
}
