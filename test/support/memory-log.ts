import { partitionName } from '../../core/topics.js';
import { workOnAll } from '../../platform/event-log/granted-work.js';
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
} from '../../platform/event-log/port.js';

/** An event log in memory: nothing waits, nothing is durable, and a crash keeps what was appended. */
export class MemoryLog implements EventLog {
  readonly #partitions = new Map<string, LogRecord[]>();
  readonly #control = new Map<string, string>();
  /** Offsets that are left out before each record, as Kafka's compaction or control records would. */
  readonly #gap: number;

  constructor({ gap = 0 } = {}) {
    this.#gap = gap;
  }

  async createTopics(_topics: readonly TopicSpec[]): Promise<void> {}

  async deleteTopics(topics: readonly string[]): Promise<void> {
    for (const name of this.#partitions.keys()) {
      if (topics.includes(name.slice(0, name.lastIndexOf('/')))) this.#partitions.delete(name);
    }
  }

  share(spec: ShareSpec, work: PartitionWork) {
    return workOnAll(spec, work);
  }

  takeOver(at: TopicPartition): Promise<number> {
    return this.endOffset(at);
  }

  async append(batches: readonly Batch[]): Promise<number[]> {
    for (const { topic, partition, values } of batches) this.put(topic, values, partition);
    return Promise.all(batches.map((batch) => this.endOffset(batch)));
  }

  /** Appends at once. */
  put(topic: string, values: readonly Buffer[], partition = 0): void {
    const records = this.records(topic, partition);
    for (const value of values) records.push({ offset: (records.at(-1)?.offset ?? -1) + 1 + this.#gap, value });
  }

  async read(
    { topic, partition, offset }: TopicPartition & { offset: number },
    { maxBytes }: ReadOptions,
  ): Promise<LogRecord[]> {
    const found: LogRecord[] = [];
    let bytes = 0;
    for (const record of this.records(topic, partition)) {
      if (record.offset < offset) continue;
      bytes += record.value.length;
      if (found.length > 0 && bytes > maxBytes) break;
      found.push(record);
    }
    return found;
  }

  async startOffset(_at: TopicPartition): Promise<number> {
    return 0;
  }

  async endOffset({ topic, partition }: TopicPartition): Promise<number> {
    return (this.records(topic, partition).at(-1)?.offset ?? -1) + 1;
  }

  async last({ topic, partition }: TopicPartition): Promise<LogRecord | undefined> {
    return this.records(topic, partition).at(-1);
  }

  records(topic: string, partition = 0): LogRecord[] {
    const name = partitionName({ topic, partition });
    const records = this.#partitions.get(name) ?? [];
    this.#partitions.set(name, records);
    return records;
  }

  values(topic: string): Buffer[] {
    return this.records(topic).map((record) => record.value);
  }

  readonly control: ControlState = {
    put: async (key, value) => void this.#control.set(key, JSON.stringify(value)),
    get: async (key) => {
      const text = this.#control.get(key);
      return text === undefined ? undefined : JSON.parse(text);
    },
    entries: async (prefix) =>
      new Map(
        [...this.#control].filter(([key]) => key.startsWith(prefix)).map(([key, text]) => [key, JSON.parse(text)]),
      ),
  };

  async [Symbol.asyncDispose](): Promise<void> {}
}
