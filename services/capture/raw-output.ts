import { LSN_ZERO, type Lsn } from '../../core/lsn.js';
import type { Position } from '../../core/position.js';
import { RecordWriter } from '../../core/record-writer.js';
import type { Batch } from '../../platform/event-log/port.js';

/** Where a partition of the raw topic ended when this capture began: everything up to it comes again and is dropped. */
export interface ResumePoint {
  readonly position: Position;
  /** The last event was a commit. */
  readonly complete: boolean;
}

/** One partition of the raw topic, as the encoder writes it. */
export class RawPartition {
  readonly writer: RecordWriter;
  readonly #resume: ResumePoint;
  #lsn = LSN_ZERO;
  /** Events of the open transaction up to this index are in the log. */
  #dropUpTo = -1;
  #touched = false;

  constructor(resume: ResumePoint, recordBytes?: number) {
    this.writer = new RecordWriter(recordBytes);
    this.#resume = resume;
  }

  /** The log has, or will have, something of the open transaction here. */
  get holdsTransaction(): boolean {
    return this.#touched || this.#dropUpTo >= 0;
  }

  begin(commitLsn: Lsn, line: string): void {
    const { position, complete } = this.#resume;
    this.#lsn = commitLsn;
    this.#touched = false;
    if (commitLsn > position.lsn) this.#dropUpTo = -1;
    else this.#dropUpTo = commitLsn < position.lsn || complete ? Number.MAX_SAFE_INTEGER : position.index;
    this.writer.begin(line);
  }

  /** @returns the event's position; undefined when the log has it. */
  take(index: number): Position | undefined {
    if (index <= this.#dropUpTo) return undefined;
    this.#touched = true;
    return { lsn: this.#lsn, index };
  }

  /** @param line makes the commit's line from its index. */
  commit(index: number, line: (index: number) => string): void {
    if (!this.#touched && (this.#dropUpTo < 0 || this.#dropUpTo === Number.MAX_SAFE_INTEGER)) return;
    // A chunk that was written before a restart may have used indexes that the stream itself does not reach.
    const above = Math.max(index, this.#dropUpTo + 1);
    this.writer.commit({ lsn: this.#lsn, index: above }, line(above));
  }
}

/** All partitions of the raw topic: what waits there to be appended. */
export class RawOutput {
  readonly partitions: readonly RawPartition[];

  /**
   * @param resume one for each partition.
   * @param recordBytes after which a record is closed.
   */
  constructor(resume: readonly ResumePoint[], recordBytes?: number) {
    this.partitions = resume.map((point) => new RawPartition(point, recordBytes));
  }

  /** Bytes that wait to be taken. */
  get bytes(): number {
    let bytes = 0;
    for (const { writer } of this.partitions) bytes += writer.bytes;
    return bytes;
  }

  get isEmpty(): boolean {
    return this.bytes === 0;
  }

  /** Whole transactions wait, or nothing. */
  get isComplete(): boolean {
    return this.partitions.every(({ writer }) => writer.isEmpty || writer.isComplete);
  }

  /** All records so far. */
  take(topic: string): Batch[] {
    return this.partitions.flatMap(({ writer }, partition) =>
      writer.isEmpty ? [] : [{ topic, partition, values: writer.take() }],
    );
  }
}
