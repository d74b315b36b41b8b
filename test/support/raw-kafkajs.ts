import { Kafka, logLevel, type Producer, type RecordMetadata } from 'kafkajs';
import type { EventLog, TopicPartition } from '../../platform/event-log/port.js';
import { eventually } from './eventually.js';

/** Plain kafkajs, as its documentation has it: one idempotent producer, however many sends. */
export class RawKafkajs implements AsyncDisposable {
  readonly #kafka: Kafka;
  readonly #producer: Producer;

  private constructor(kafka: Kafka, producer: Producer) {
    this.#kafka = kafka;
    this.#producer = producer;
  }

  static async connect(brokers: readonly string[]): Promise<RawKafkajs> {
    const kafka = new Kafka({
      brokers: [...brokers],
      logLevel: logLevel.NOTHING,
      retry: { initialRetryTime: 300, retries: 10 },
    });
    const producer = kafka.producer({
      idempotent: true,
      allowAutoTopicCreation: false,
      createPartitioner:
        () =>
        ({ message }) =>
          message.partition ?? 0,
    });
    await producer.connect();
    return new RawKafkajs(kafka, producer);
  }

  /** A topic whose partitions have the replicas given, the leader first. */
  async createTopic(topic: string, replicas: readonly (readonly number[])[]): Promise<void> {
    const replicaAssignment = replicas.map((nodes, partition) => ({ partition, replicas: [...nodes] }));
    const admin = this.#kafka.admin();
    await admin.connect();
    await admin.createTopics({ topics: [{ topic, replicaAssignment }], waitForLeaders: false });
    await eventually(
      async () =>
        (await admin.fetchTopicMetadata({ topics: [topic] })).topics[0]!.partitions.every((p) => p.leader > 0),
      { what: `the leaders of ${topic}` },
    );
    await admin.disconnect();
  }

  /** Gives a partition to one broker alone, and waits until that leads it. */
  async moveLeader(topic: string, { partition, to }: { partition: number; to: number }): Promise<void> {
    const admin = this.#kafka.admin();
    await admin.connect();
    await admin.alterPartitionReassignments({
      topics: [{ topic, partitionAssignment: [{ partition, replicas: [to] }] }],
    });
    await eventually(
      async () => {
        const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
        return topics[0]!.partitions.find((p) => p.partitionId === partition)?.leader === to;
      },
      { what: `broker ${to} to lead ${topic}/${partition}` },
    );
    await admin.disconnect();
  }

  /** @returns what kafkajs calls acknowledged. */
  send(topic: string, messages: readonly { readonly partition: number; readonly value: string }[]) {
    return this.#producer.send({ topic, acks: -1, messages: [...messages] }) as Promise<RecordMetadata[]>;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#producer.disconnect();
  }
}

/** All records of a partition, as text. */
export async function textsOf(log: EventLog, at: TopicPartition): Promise<string[]> {
  const end = await log.endOffset(at);
  const found: string[] = [];
  for (let offset = 0; offset < end; ) {
    const records = await log.read({ ...at, offset }, { maxBytes: 1_000_000, waitMs: 1_000 });
    found.push(...records.map(({ value }) => value.toString()));
    offset = records.at(-1)!.offset + 1;
  }
  return found;
}
