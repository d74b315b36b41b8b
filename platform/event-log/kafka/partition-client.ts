import { FerryError } from '../../../core/errors.js';
import type { TopicPartition } from '../port.js';
import { type ClientSession, type KafkaConnection, openSession } from './client-session.js';
import { type Broker, type Cluster, createCluster, type FetchedMessage } from './kafkajs-internals.js';
import { type FetchedRecord, partOf } from './parts.js';

export interface Fetched {
  readonly records: readonly FetchedRecord[];
  /** Where to go on: behind the last batch that came, even where compaction took its records. */
  readonly nextOffset: number;
  readonly endOffset: number;
}

export interface FetchOptions {
  readonly maxBytes: number;
  readonly waitMs: number;
}

/**
 * A connection for one topic partition, for one request at a time: a broker answers the requests of a connection in
 * their order, so a waiting read would hold up all that come after it. After an error it is closed and replaced.
 */
export class PartitionClient {
  readonly #at: TopicPartition;
  readonly #session: ClientSession;
  readonly #cluster: Cluster;
  #connected = false;

  constructor(connection: KafkaConnection, at: TopicPartition) {
    this.#at = at;
    // Without retries of its own: whoever uses it tries again, with a new one, which also knows the new leader.
    this.#session = openSession(connection, { requestTimeoutMs: 5_000, retries: 0 });
    this.#cluster = createCluster(this.#session.config, this.#session.kafka.logger());
  }

  get isClosed(): boolean {
    return this.#session.isClosed;
  }

  /** A broker has taken a connection. */
  get hasConnected(): boolean {
    return this.#session.hasConnected;
  }

  startOffset(): Promise<number> {
    return this.#offset({ fromBeginning: true });
  }

  endOffset(): Promise<number> {
    return this.#offset({ fromBeginning: false });
  }

  async #offset({ fromBeginning }: { readonly fromBeginning: boolean }): Promise<number> {
    const { topic, partition } = this.#at;
    await this.#leader();
    const [answer] = await this.#cluster.fetchTopicsOffset([{ topic, fromBeginning, partitions: [{ partition }] }]);
    const found = answer?.partitions.find((entry) => entry.partition === partition);
    if (!found) throw this.#missing('the answer does not name it');
    return Number(found.offset);
  }

  /** The records from `offset` on that come within `waitMs`. */
  async fetch(offset: number, { maxBytes, waitMs }: FetchOptions): Promise<Fetched> {
    const { topic, partition } = this.#at;
    const leader = await this.#leader();
    const { responses } = await leader.fetch({
      maxWaitTime: Math.ceil(waitMs),
      minBytes: 1,
      maxBytes,
      topics: [{ topic, partitions: [{ partition, fetchOffset: String(offset), maxBytes }] }],
    });
    const answer = responses
      .find((entry) => entry.topicName === topic)
      ?.partitions.find((entry) => entry.partition === partition);
    if (!answer) throw this.#missing('the answer does not name it');
    return {
      records: recordsFrom(answer.messages, offset),
      nextOffset: Math.max(offset, endOfBatch(answer.messages.at(-1))),
      endOffset: Number(answer.highWatermark),
    };
  }

  close(): void {
    this.#session.close();
  }

  async #leader(): Promise<Broker> {
    const { topic, partition } = this.#at;
    if (!this.#connected) {
      await this.#cluster.connect();
      await this.#cluster.addTargetTopic(topic);
      this.#connected = true;
    }
    await this.#cluster.refreshMetadataIfNecessary();
    const [nodeId] = Object.keys(this.#cluster.findLeaderForPartitions(topic, [partition]));
    if (nodeId === undefined) throw this.#missing('the topic has no such partition');
    return this.#cluster.findBroker({ nodeId });
  }

  #missing(reason: string): FerryError {
    const { topic, partition } = this.#at;
    return new FerryError('log-unreachable', `${topic}/${partition}: ${reason}`, { details: { topic, partition } });
  }
}

function recordsFrom(messages: readonly FetchedMessage[], offset: number): FetchedRecord[] {
  return messages
    .filter((message) => !message.isControlRecord && Number(message.offset) >= offset)
    .map(({ offset: at, key, value, headers }) => ({ offset: Number(at), key, value, part: partOf(headers) }));
}

function endOfBatch(last: FetchedMessage | undefined): number {
  return last ? Number(last.batchContext.firstOffset) + last.batchContext.lastOffsetDelta + 1 : 0;
}
