import { FerryError } from '../../../core/errors.js';
import { topicsOf } from '../../../core/topics.js';
import { workOnAll } from '../granted-work.js';
import type {
  Batch,
  ControlState,
  EventLog,
  LogRecord,
  PartitionWork,
  ReadOptions,
  ShareSpec,
  TopicPartition,
  TopicSpec,
} from '../port.js';
import type { KafkaConnection } from './client-session.js';
import { createMissingTopics, deleteTopics } from './create-topics.js';
import { KafkaControlState } from './kafka-control-state.js';
import type { FetchedRecord } from './partition-client.js';
import { PartitionClients } from './partition-clients.js';
import { sharePartitions } from './share-partitions.js';
import { topicConfig } from './topic-config.js';
import { TopicProducer } from './topic-producer.js';

/** Brokers answer with at most 55 MiB (`fetch.max.bytes`); a larger wish only costs them. */
const MAX_FETCH_BYTES = 50 * 1024 * 1024;

export interface KafkaLogOptions {
  readonly connection: KafkaConnection;
  readonly pipeline: string;
  readonly replicationFactor: number | undefined;
}

/** The Kafka driver: a producer for each topic, a connection for each read that is under way. */
export class KafkaLog implements EventLog {
  readonly control: ControlState;
  readonly #options: KafkaLogOptions;
  readonly #clients: PartitionClients;
  readonly #producers = new Map<string, TopicProducer>();

  constructor(options: KafkaLogOptions) {
    this.#options = options;
    this.#clients = new PartitionClients(options.connection);
    const topic = topicsOf(options.pipeline).control;
    this.control = new KafkaControlState({
      topic,
      clients: this.#clients,
      append: (message) => this.#producer(topic).append(0, [message]),
      createTopic: () => this.createTopics([{ topic, partitions: 1 }]),
    });
  }

  async createTopics(topics: readonly TopicSpec[]): Promise<void> {
    const { connection, pipeline, replicationFactor } = this.#options;
    await createMissingTopics(
      connection,
      topics.map((spec) => topicConfig(pipeline, spec, replicationFactor)),
    );
  }

  deleteTopics(topics: readonly string[]): Promise<void> {
    return deleteTopics(this.#options.connection, topics);
  }

  async append(batches: readonly Batch[]): Promise<void> {
    const results = await Promise.allSettled(
      batches.map(({ topic, partition, values }) =>
        this.#producer(topic).append(
          partition,
          values.map((value) => ({ key: null, value })),
        ),
      ),
    );
    const failures = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as FerryError] : []));
    // What halts is said before what may pass, or it would be met again at every try.
    const failure = failures.find((error) => error.policy?.react === 'halt') ?? failures[0];
    if (failure) throw failure;
  }

  async read(from: TopicPartition & { readonly offset: number }, options: ReadOptions): Promise<LogRecord[]> {
    if (this.#clients.isClosed)
      throw new FerryError('internal', `read ${from.topic}/${from.partition}: the log is closed`);
    const { waitMs, signal } = options;
    const maxBytes = Math.min(Math.max(options.maxBytes, 1), MAX_FETCH_BYTES);
    const deadline = performance.now() + waitMs;
    const leftMs = () => Math.max(0, deadline - performance.now());
    let { offset } = from;
    try {
      for (;;) {
        const fetched = await this.#clients.request(from, { verb: 'read', signal }, (client) =>
          client.fetch(offset, { maxBytes, waitMs: leftMs() }),
        );
        if (fetched.records.length > 0) return upTo(maxBytes, fetched.records);
        if (fetched.nextOffset === offset && leftMs() === 0) return [];
        offset = fetched.nextOffset;
      }
    } catch (error) {
      if (signal?.aborted || this.#clients.isClosed) return [];
      throw error;
    }
  }

  async endOffset(at: TopicPartition): Promise<number> {
    return this.#clients.request(at, { verb: 'find the end of' }, (client) => client.endOffset());
  }

  async last(at: TopicPartition): Promise<LogRecord | undefined> {
    const end = await this.endOffset(at);
    // The offset before the end holds a record, unless a transaction marker stands there: then further back.
    for (let back = 1; back < end * 2; back *= 2) {
      let found: FetchedRecord | undefined;
      for (let offset = Math.max(0, end - back), next: number; offset < end; offset = next) {
        const fetched = await this.#clients.request(at, { verb: 'read' }, (client) =>
          client.fetch(offset, { maxBytes: 1, waitMs: 0 }),
        );
        found = fetched.records.filter((record) => record.offset < end).at(-1) ?? found;
        next = fetched.nextOffset > offset ? fetched.nextOffset : end;
      }
      if (found) return toLogRecord(found);
    }
    return undefined;
  }

  share(spec: ShareSpec, work: PartitionWork): Promise<void> {
    const isShared = spec.topics.some(({ partitions }) => partitions > 1);
    if (!isShared) return workOnAll(spec, work);
    return sharePartitions(this.#options.connection, spec, work);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#clients.close();
    await Promise.all([...this.#producers.values()].map((producer) => producer.close()));
  }

  #producer(topic: string): TopicProducer {
    let producer = this.#producers.get(topic);
    if (!producer) {
      const { connection, pipeline } = this.#options;
      const { control, deadLetter } = topicsOf(pipeline);
      producer = new TopicProducer({
        connection,
        topic,
        isSoleWriter: topic !== control && topic !== deadLetter,
        endOffset: (at) => this.endOffset(at),
      });
      this.#producers.set(topic, producer);
    }
    return producer;
  }
}

/** The first records, up to the one that reaches `maxBytes`. */
function upTo(maxBytes: number, records: readonly FetchedRecord[]): LogRecord[] {
  const taken: LogRecord[] = [];
  let bytes = 0;
  for (const record of records) {
    if (bytes >= maxBytes) break;
    taken.push(toLogRecord(record));
    bytes += record.value?.length ?? 0;
  }
  return taken;
}

function toLogRecord({ offset, value }: FetchedRecord): LogRecord {
  return { offset, value: value ?? Buffer.alloc(0) };
}
