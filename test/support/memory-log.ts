import type {
  Batch,
  ControlState,
  EventLog,
  LogRecord,
  ReadOptions,
  TopicPartition,
  TopicSpec,
} from '../../platform/event-log/port.js';

/** An event log in memory: nothing waits, nothing is durable, and a crash keeps what was appended. */
export class MemoryLog implements EventLog {
  readonly #topics = new Map<string, LogRecord[]>();
  readonly #control = new Map<string, string>();
  /** Offsets that are left out before each record, as Kafka's compaction or control records would. */
  readonly #gap: number;

  constructor({ gap = 0 } = {}) {
    this.#gap = gap;
  }

  async createTopics(_topics: readonly TopicSpec[]): Promise<void> {}

  async deleteTopics(topics: readonly string[]): Promise<void> {
    for (const topic of topics) this.#topics.delete(topic);
  }

  async append(batches: readonly Batch[]): Promise<void> {
    for (const { topic, values } of batches) this.put(topic, values);
  }

  /** Appends at once. */
  put(topic: string, values: readonly Buffer[]): void {
    const records = this.records(topic);
    for (const value of values) records.push({ offset: (records.at(-1)?.offset ?? -1) + 1 + this.#gap, value });
  }

  async read({ topic, offset }: TopicPartition & { offset: number }, { maxBytes }: ReadOptions): Promise<LogRecord[]> {
    const found: LogRecord[] = [];
    let bytes = 0;
    for (const record of this.records(topic)) {
      if (record.offset < offset) continue;
      bytes += record.value.length;
      if (found.length > 0 && bytes > maxBytes) break;
      found.push(record);
    }
    return found;
  }

  async endOffset({ topic }: TopicPartition): Promise<number> {
    return (this.records(topic).at(-1)?.offset ?? -1) + 1;
  }

  async last({ topic }: TopicPartition): Promise<LogRecord | undefined> {
    return this.records(topic).at(-1);
  }

  records(topic: string): LogRecord[] {
    const records = this.#topics.get(topic) ?? [];
    this.#topics.set(topic, records);
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
