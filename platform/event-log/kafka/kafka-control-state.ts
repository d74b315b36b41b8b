import { FerryError } from '../../../core/errors.js';
import type { ControlState } from '../port.js';
import type { PartitionClients } from './partition-clients.js';
import type { OutgoingMessage } from './split-messages.js';

const READ_BYTES = 1024 * 1024;

export interface KafkaControlStateOptions {
  readonly topic: string;
  readonly clients: Pick<PartitionClients, 'request'>;
  readonly append: (message: OutgoingMessage) => Promise<void>;
  /** Creates the topic where it does not exist. */
  readonly createTopic: () => Promise<void>;
}

/**
 * The control state over a compacted topic: a message's key is the state's key, its value the JSON document. Whoever
 * asks reads on to the end of the topic first, so that every handle sees what any other has put before.
 */
export class KafkaControlState implements ControlState {
  readonly #options: KafkaControlStateOptions;
  readonly #values = new Map<string, unknown>();
  #nextOffset = 0;
  #reading: Promise<void> = Promise.resolve();
  #created: Promise<void> | undefined;

  constructor(options: KafkaControlStateOptions) {
    this.#options = options;
  }

  async put(key: string, value: unknown): Promise<void> {
    await this.#ensureTopic();
    await this.#options.append({ key, value: Buffer.from(JSON.stringify(value)) });
  }

  async get(key: string): Promise<unknown> {
    await this.#readToEnd();
    return this.#values.get(key);
  }

  async entries(prefix: string): Promise<ReadonlyMap<string, unknown>> {
    await this.#readToEnd();
    const found = [...this.#values].filter(([key]) => key.startsWith(prefix));
    return new Map(found.sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  /** One reading after the other: joining one that is under way could miss what was put after it asked for the end. */
  #readToEnd(): Promise<void> {
    const done = this.#reading.then(() => this.#read());
    this.#reading = done.catch(() => {});
    return done;
  }

  async #read(): Promise<void> {
    await this.#ensureTopic();
    const { topic, clients } = this.#options;
    const at = { topic, partition: 0 };
    const end = await clients.request(at, { verb: 'find the end of' }, (client) => client.endOffset());
    if (end < this.#nextOffset) {
      // The topic was deleted and made anew.
      this.#values.clear();
      this.#nextOffset = 0;
    }
    while (this.#nextOffset < end) {
      const offset = this.#nextOffset;
      const fetched = await clients.request(at, { verb: 'read' }, (client) =>
        client.fetch(offset, { maxBytes: READ_BYTES, waitMs: 0 }),
      );
      for (const { key, value } of fetched.records) if (key) this.#apply(key.toString(), value);
      // Nothing before the end: compaction has emptied the batches between, down to their headers.
      this.#nextOffset = fetched.nextOffset > offset ? fetched.nextOffset : end;
    }
  }

  #apply(key: string, value: Buffer | null): void {
    if (value === null) {
      this.#values.delete(key);
      return;
    }
    try {
      this.#values.set(key, JSON.parse(value.toString()));
    } catch (cause) {
      const { topic } = this.#options;
      throw new FerryError('log-corrupt', `${topic}: the value of the key ${key} is not JSON`, {
        cause,
        details: { topic, key },
      });
    }
  }

  async #ensureTopic(): Promise<void> {
    this.#created ??= this.#options.createTopic();
    try {
      await this.#created;
    } catch (error) {
      this.#created = undefined;
      throw error;
    }
  }
}
