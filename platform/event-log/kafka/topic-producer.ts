import type { Producer } from 'kafkajs';
import pRetry from 'p-retry';
import { FerryError } from '../../../core/errors.js';
import type { TopicPartition } from '../port.js';
import { classifyKafkaError } from './classify-error.js';
import { type ClientSession, disconnectWithin, type KafkaConnection, openSession } from './client-session.js';
import { connectProducer, createCluster } from './kafkajs-internals.js';
import { Patience, TRY_AGAIN_MS } from './patience.js';
import { checkAcknowledged } from './produce-guard.js';
import { messageBytes, type OutgoingMessage, splitMessages } from './split-messages.js';

/** Brokers end the connection above `socket.request.max.bytes` (100 MiB) without saying why. */
const MAX_REQUEST_BYTES = 100 * 1024 * 1024 - 1024;

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
  #tail: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(options: TopicProducerOptions) {
    this.#options = options;
  }

  /** Appends in order, after what was asked for before. After an error it begins with a new producer. */
  append(partition: number, messages: readonly OutgoingMessage[]): Promise<void> {
    const done = this.#tail.then(() => this.#append(partition, messages));
    this.#tail = done.catch(() => {});
    return done;
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

  async #append(partition: number, messages: readonly OutgoingMessage[]): Promise<void> {
    try {
      for (const send of splitMessages(messages)) await this.#send(partition, send);
    } catch (error) {
      // What of it arrived is unknown, and a producer that tries again later would append it behind our back.
      this.#client?.session.close();
      this.#client = undefined;
      this.#ends.delete(partition);
      throw error;
    }
  }

  async #send(partition: number, messages: readonly OutgoingMessage[]): Promise<void> {
    const { topic, isSoleWriter } = this.#options;
    const at = { topic, partition };
    const bytes = messages.reduce((sum, message) => sum + messageBytes(message), 0);
    if (bytes > MAX_REQUEST_BYTES) throw tooLarge(at, bytes);
    const expectedOffset = isSoleWriter ? await this.#expectedOffset(at) : undefined;
    let response: Awaited<ReturnType<Producer['send']>>;
    try {
      const { producer } = await this.#connected();
      response = await producer.send({
        topic,
        acks: -1,
        timeout: ACKNOWLEDGE_TIMEOUT_MS,
        messages: messages.map(({ key, value }) => ({ key, value, partition })),
      });
    } catch (error) {
      const subject = `append ${messages.length} records of ${bytes} bytes to ${topic}/${partition}`;
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
      const producer = await connectProducer(createCluster(session.config, logger), topic, {
        logger,
        idempotent: true,
        retry: { retries: SEND_RETRIES, initialRetryTime: 100, maxRetryTime: TRY_AGAIN_MS.maxTimeout },
        createPartitioner:
          () =>
          ({ message }) =>
            message.partition ?? 0,
      });
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

function tooLarge({ topic, partition }: TopicPartition, bytes: number): FerryError {
  return new FerryError(
    'record-too-large',
    `append to ${topic}/${partition}: a record of ${bytes} bytes is above what brokers accept in one request`,
    { details: { topic, partition, bytes } },
  );
}
