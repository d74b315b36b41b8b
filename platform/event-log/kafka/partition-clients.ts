import pRetry from 'p-retry';
import { FerryError } from '../../../core/errors.js';
import { partitionName } from '../../../core/topics.js';
import type { TopicPartition } from '../port.js';
import { classifyKafkaError } from './classify-error.js';
import type { KafkaConnection } from './client-session.js';
import { PartitionClient } from './partition-client.js';
import { Patience, TRY_AGAIN_MS } from './patience.js';

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
   * @throws FerryError `log-unreachable` when it still failed after the time of an election, or no broker answered for
   *   seconds; the signal's reason when that fired.
   */
  async request<T>(
    at: TopicPartition,
    { verb, signal }: RequestOptions,
    call: (client: PartitionClient) => Promise<T>,
  ): Promise<T> {
    let patience: Patience | undefined;
    const once = async () => {
      const client = this.#take(at);
      try {
        return await this.#once(client, { at, verb, signal }, call);
      } catch (error) {
        // From the first failure on: a read may have waited long before.
        patience ??= new Patience();
        if (client.hasConnected && !isUnknownTopic(error)) patience.reached();
        throw error;
      }
    };
    return pRetry(once, {
      retries: Number.POSITIVE_INFINITY,
      ...TRY_AGAIN_MS,
      signal,
      shouldRetry: ({ error }) =>
        error instanceof FerryError && error.policy.react === 'retry' && patience?.isOver === false,
    });
  }

  /** Ends all of them now. */
  close(): void {
    this.#closed = true;
    for (const client of [...this.#busy, ...[...this.#idle.values()].flat()]) client.close();
    this.#idle.clear();
  }

  async #once<T>(
    client: PartitionClient,
    { at, verb, signal }: RequestOptions & { readonly at: TopicPartition },
    call: (client: PartitionClient) => Promise<T>,
  ): Promise<T> {
    // Ending the connection fails the request at once; the broker would hold it until its wait is over.
    const onAbort = () => client.close();
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      const result = await call(client);
      this.#give(at, client);
      return result;
    } catch (error) {
      client.close();
      throw classifyKafkaError(error, `${verb} ${partitionName(at)}`, { topic: at.topic, partition: at.partition });
    } finally {
      signal?.removeEventListener('abort', onAbort);
      this.#busy.delete(client);
    }
  }

  #take(at: TopicPartition): PartitionClient {
    if (this.#closed) throw new FerryError('internal', `${partitionName(at)}: the log is closed`);
    const client = this.#idle.get(partitionName(at))?.pop() ?? new PartitionClient(this.#connection, at);
    this.#busy.add(client);
    return client;
  }

  #give(at: TopicPartition, client: PartitionClient): void {
    // Aborted just when the answer came.
    if (client.isClosed) return;
    const idle = this.#idle.get(partitionName(at));
    if (idle) idle.push(client);
    else this.#idle.set(partitionName(at), [client]);
  }
}

/** No election to wait for; one that has just been created is known everywhere within a moment. */
function isUnknownTopic(error: unknown): boolean {
  return error instanceof FerryError && error.details.kafkaError === 'UNKNOWN_TOPIC_OR_PARTITION';
}
