import { setTimeout as sleep } from 'node:timers/promises';
import { Kafka, logLevel, type Producer } from 'kafkajs';

const EVERY_MS = 20;

/**
 * How long the cluster itself makes a plain client wait: a producer for each partition, one send in flight, acknowledged
 * by all in-sync replicas, tried again as soon as it fails. What is acknowledged so is there for consumers too.
 */
export class KafkaProbe {
  readonly #producers: readonly Producer[];
  readonly #running: Promise<unknown>;
  readonly #sentAt = new Map<number, number>();
  #isStopped = false;
  #longestMs = 0;

  private constructor(producers: readonly Producer[], topic: string) {
    this.#producers = producers;
    this.#running = Promise.all(producers.map((producer, partition) => this.#send(producer, topic, partition)));
    this.#running.catch(() => {});
  }

  /** On a topic of its own whose partitions are led by one broker each. */
  static async start(brokers: readonly string[], topic: string): Promise<KafkaProbe> {
    const kafka = new Kafka({
      brokers: [...brokers],
      logLevel: logLevel.NOTHING,
      retry: { initialRetryTime: 50, maxRetryTime: 100, retries: 10_000 },
    });
    const admin = kafka.admin();
    await admin.connect();
    const replicaAssignment = [
      [1, 2, 3],
      [2, 3, 1],
      [3, 1, 2],
    ].map((replicas, partition) => ({ partition, replicas }));
    const configEntries = [{ name: 'min.insync.replicas', value: '2' }];
    await admin.createTopics({ topics: [{ topic, replicaAssignment, configEntries }], waitForLeaders: false });
    await admin.disconnect();
    const producers = replicaAssignment.map(({ partition }) =>
      kafka.producer({
        idempotent: true,
        maxInFlightRequests: 1,
        retry: { retries: 10_000 },
        createPartitioner: () => () => partition,
      }),
    );
    await Promise.all(producers.map((producer) => producer.connect()));
    return new KafkaProbe(producers, topic);
  }

  /** The longest send since it was asked for last, in ms; one that is under way counts too. */
  takeLongestMs(): number {
    const now = performance.now();
    const longest = Math.max(this.#longestMs, ...[...this.#sentAt.values()].map((at) => now - at));
    this.#longestMs = 0;
    return longest;
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#running;
    await Promise.all(this.#producers.map((producer) => producer.disconnect()));
  }

  async #send(producer: Producer, topic: string, partition: number): Promise<void> {
    while (!this.#isStopped) {
      const at = performance.now();
      this.#sentAt.set(partition, at);
      await producer.send({ topic, acks: -1, messages: [{ value: 'probe' }] });
      this.#sentAt.delete(partition);
      this.#longestMs = Math.max(this.#longestMs, performance.now() - at);
      await sleep(EVERY_MS);
    }
  }
}
