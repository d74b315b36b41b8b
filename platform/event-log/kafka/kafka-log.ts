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
import { PartitionClients } from './partition-clients.js';
import { RecordReader } from './record-reader.js';
import { sharePartitions } from './share-partitions.js';
import { topicConfig } from './topic-config.js';
import { TopicProducer } from './topic-producer.js';

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
  readonly #reader: RecordReader;
  readonly #producers = new Map<string, TopicProducer>();

  constructor(options: KafkaLogOptions) {
    this.#options = options;
    this.#clients = new PartitionClients(options.connection);
    this.#reader = new RecordReader(this.#clients);
    const topic = topicsOf(options.pipeline).control;
    this.control = new KafkaControlState({
      topic,
      clients: this.#clients,
      append: async (message) => void (await this.#producer(topic).append(0, [message])),
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

  takeOver({ topic, partition }: TopicPartition): Promise<number> {
    return this.#producer(topic).takeOver(partition);
  }

  async append(batches: readonly Batch[]): Promise<number[]> {
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
    return results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  }

  async read(from: TopicPartition & { readonly offset: number }, options: ReadOptions): Promise<LogRecord[]> {
    if (this.#clients.isClosed)
      throw new FerryError('internal', `read ${from.topic}/${from.partition}: the log is closed`);
    try {
      return await this.#reader.read(from, options);
    } catch (error) {
      if (options.signal?.aborted || this.#clients.isClosed) return [];
      throw error;
    }
  }

  async startOffset(at: TopicPartition): Promise<number> {
    return this.#clients.request(at, { verb: 'find the start of' }, (client) => client.startOffset());
  }

  async endOffset(at: TopicPartition): Promise<number> {
    return this.#clients.request(at, { verb: 'find the end of' }, (client) => client.endOffset());
  }

  async last(at: TopicPartition): Promise<LogRecord | undefined> {
    return this.#reader.last(at, await this.endOffset(at));
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
