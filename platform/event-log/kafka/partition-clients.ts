import pRetry from 'p-retry';
import { FerryError } from '../../../core/errors.js';
import type { TopicPartition } from '../port.js';
import { classifyKafkaError } from './classify-error.js';
import type { KafkaConnection } from './client-session.js';
import { PartitionClient } from './partition-client.js';

/** A leader election takes less; what takes longer is reported, and the service above waits and says so. */
const RETRY_FOR_MS = 5_000;

export interface RequestOptions {
  /** What is being done, for errors: `read`. */
  readonly verb: string;
  readonly signal?: AbortSignal | undefined;
}

/** The partition clients of a log: as many for a partition as requests to it were ever under way at once. */
export class PartitionClients {
  readonly #connection: KafkaConnection;
  readonly #idle = new Map<string, PartitionClient[]>();
  readonly #busy = new Set<PartitionClient>();
  #closed = false;

  constructor(connection: KafkaConnection) {
    this.#connection = connection;
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  /**
   * Makes a request with a client of the partition, again with a new one after a passing error.
   * @throws FerryError `log-unreachable` when it still failed after seconds; the signal's reason when that fired.
   */
  async request<T>(
    at: TopicPartition,
    { verb, signal }: RequestOptions,
    call: (client: PartitionClient) => Promise<T>,
  ): Promise<T> {
    let failingSince: number | undefined;
    return pRetry(() => this.#once(at, { verb, signal }, call), {
      retries: Number.POSITIVE_INFINITY,
      minTimeout: 50,
      maxTimeout: 1_000,
      signal,
      shouldRetry: ({ error }) => {
        failingSince ??= performance.now();
        return (
          error instanceof FerryError &&
          error.policy.react === 'retry' &&
          performance.now() - failingSince < RETRY_FOR_MS
        );
      },
    });
  }

  /** Ends all of them now. */
  close(): void {
    this.#closed = true;
    for (const client of [...this.#busy, ...[...this.#idle.values()].flat()]) client.close();
    this.#idle.clear();
  }

  async #once<T>(
    at: TopicPartition,
    { verb, signal }: RequestOptions,
    call: (client: PartitionClient) => Promise<T>,
  ): Promise<T> {
    const client = this.#take(at);
    // Ending the connection fails the request at once; the broker would hold it until its wait is over.
    const onAbort = () => client.close();
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      const result = await call(client);
      this.#give(at, client);
      return result;
    } catch (error) {
      client.close();
      throw classifyKafkaError(error, `${verb} ${nameOf(at)}`, { topic: at.topic, partition: at.partition });
    } finally {
      signal?.removeEventListener('abort', onAbort);
      this.#busy.delete(client);
    }
  }

  #take(at: TopicPartition): PartitionClient {
    if (this.#closed) throw new FerryError('internal', `${nameOf(at)}: the log is closed`);
    const client = this.#idle.get(nameOf(at))?.pop() ?? new PartitionClient(this.#connection, at);
    this.#busy.add(client);
    return client;
  }

  #give(at: TopicPartition, client: PartitionClient): void {
    // Aborted just when the answer came.
    if (client.isClosed) return;
    const idle = this.#idle.get(nameOf(at));
    if (idle) idle.push(client);
    else this.#idle.set(nameOf(at), [client]);
  }
}

function nameOf({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`;
}
