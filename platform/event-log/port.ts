import type { TopicPartition } from '../../core/topics.js';

/** One message of a topic partition. */
export interface LogRecord {
  /** The record's number in its partition; rises, may have gaps. */
  readonly offset: number;
  readonly value: Buffer;
}

export type { TopicPartition };

export interface Batch extends TopicPartition {
  readonly values: readonly Buffer[];
}

export interface TopicSpec {
  readonly topic: string;
  readonly partitions: number;
}

export interface ReadOptions {
  /** Stop after this many bytes; at least one record is returned when there is one. */
  readonly maxBytes: number;
  /** How long to wait for a first record, in ms; 0 does not wait. */
  readonly waitMs: number;
  readonly signal?: AbortSignal;
}

export interface ShareSpec {
  /** Processes of one group share. */
  readonly group: string;
  readonly topics: readonly TopicSpec[];
  readonly signal: AbortSignal;
}

/** Works on a partition until the signal fires. */
export type PartitionWork = (at: TopicPartition, granted: AbortSignal) => Promise<void>;

/**
 * The log that everything travels through. One process writes to a raw or domain partition at a time; anybody reads.
 * Two drivers stand behind it and pass one contract test (contract.ts).
 */
export interface EventLog extends AsyncDisposable {
  /**
   * Creates the topics that do not exist yet; the others are left as they are.
   * @throws FerryError `config-invalid` when one has another number of partitions.
   */
  createTopics(topics: readonly TopicSpec[]): Promise<void>;

  /** Deletes topics with all that is in them; those that do not exist are no error. Nobody may be using them. */
  deleteTopics(topics: readonly string[]): Promise<void>;

  /**
   * Goes on behind what a partition holds now: what another appends from here on makes our next append fail. Call it
   * before reading what the appends depend on.
   * @returns the end, as of endOffset.
   */
  takeOver(at: TopicPartition): Promise<number>;

  /**
   * Appends in order. Resolves only when every record is durable: acknowledged by all in-sync replicas, or synced to
   * disk. One call at a time for each partition. A record is as large as memory allows: a driver whose messages have a
   * limit cuts it, and reading puts it together again.
   * @returns for each batch, the offset behind its last record: a record may take several offsets, the last of which is its own.
   * @throws FerryError `log-regressed` when somebody else appended to a partition since our last append to it, or since we took it over;
   *   `log-unreachable`, `log-full`. After an error what arrived is unknown: read the end again.
   */
  append(batches: readonly Batch[]): Promise<number[]>;

  /**
   * Records from `offset` on, in order: the first is the one that has this offset, or the next. Empty when none came
   * within `waitMs` or the signal fired.
   */
  read(from: TopicPartition & { readonly offset: number }, options: ReadOptions): Promise<LogRecord[]>;

  /** The offset from which on records are kept: 0 unless somebody has shortened the partition. */
  startOffset(at: TopicPartition): Promise<number>;

  /** The offset that the next record will have at the least; 0 for an empty partition. */
  endOffset(at: TopicPartition): Promise<number>;

  /** The record before the end, undefined for an empty partition. */
  last(at: TopicPartition): Promise<LogRecord | undefined>;

  /**
   * Works on the partitions of a stage's input that this process is given; the others of its group have the rest.
   * `work` runs for each of them until its signal fires, because the partition went to another process or `spec.signal`
   * fired; a partition that comes back is worked on again. Two processes may hold a partition for a moment: who loses
   * it must be refused by what it writes to. One partition is not shared: who comes last takes it over.
   * @returns once `spec.signal` has fired and all work has ended.
   * @throws what `work` throws, the other partitions' work having ended, and `log-unreachable`.
   */
  share(spec: ShareSpec, work: PartitionWork): Promise<void>;

  /** The pipeline's control state: the newest value of each key, kept in the control topic. */
  readonly control: ControlState;
}

/** Small documents by key; a newer one replaces the older. For what services report and where they resume. */
export interface ControlState {
  put(key: string, value: unknown): Promise<void>;
  get(key: string): Promise<unknown>;
  /** All keys that start with the prefix. */
  entries(prefix: string): Promise<ReadonlyMap<string, unknown>>;
}
