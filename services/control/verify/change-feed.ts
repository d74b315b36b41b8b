import { FerryError } from '../../../core/errors.js';
import { partitionName, partitionsOf, type TopicPartition } from '../../../core/topics.js';
import type { EventLog } from '../../../platform/event-log/port.js';

const READ_BYTES = 4 * 1024 * 1024;
/** The log has told that there is more: it comes at once. */
const WAIT_MS = 1_000;

/** Reads a topic from where it ended when this was opened. */
export class ChangeFeed {
  readonly #log: EventLog;
  readonly #next: Map<TopicPartition, number>;

  private constructor(log: EventLog, next: Map<TopicPartition, number>) {
    this.#log = log;
    this.#next = next;
  }

  static async open(log: EventLog, topic: string, partitions: number): Promise<ChangeFeed> {
    const next = new Map<TopicPartition, number>();
    for (const at of partitionsOf([topic], partitions)) next.set(at, await log.endOffset(at));
    return new ChangeFeed(log, next);
  }

  /**
   * Reads to where the topic ends now.
   * @throws FerryError `not-ready` when the log was begun anew; what the log throws.
   */
  async read(take: (record: Buffer) => void, signal: AbortSignal): Promise<void> {
    for (const at of this.#next.keys()) {
      const end = await this.#log.endOffset(at);
      if (end < this.#next.get(at)!) throw begunAnew(at);
      while (this.#next.get(at)! < end && !signal.aborted) {
        const records = await this.#log.read(
          { ...at, offset: this.#next.get(at)! },
          { maxBytes: READ_BYTES, waitMs: WAIT_MS, signal },
        );
        for (const { value } of records) take(value);
        const last = records.at(-1);
        if (!last) break;
        this.#next.set(at, last.offset + 1);
      }
    }
  }
}

function begunAnew(at: TopicPartition): FerryError {
  return new FerryError('not-ready', `${partitionName(at)} is shorter than it was: the pipeline was begun again`, {
    remedy: 'Begin anew once it streams: ferry verify --continuous.',
  });
}
