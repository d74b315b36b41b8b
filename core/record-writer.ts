import { ByteWriter } from './byte-writer.js';
import { type Position, positionToJson } from './position.js';
import { RECORD_VERSION, type RecordHeader } from './record.js';

/**
 * Builds records for one topic partition. It writes the transaction's line and a relation's line when a record first
 * needs them, so its caller only says what happened.
 */
export class RecordWriter {
  readonly #limitBytes: number;
  readonly #body = new ByteWriter(256 * 1024);
  #sealed: Buffer[] = [];
  #sealedBytes = 0;
  readonly #relations = new Map<number, string>();
  readonly #inRecord = new Set<number>();
  #transaction = '';
  #transactionWritten = false;
  #first: Position | undefined;
  #last: Position | undefined;
  #complete = false;

  /** @param limitBytes after which a record is closed and the next event begins another; half of it between transactions. */
  constructor(limitBytes = RECORD_LIMIT_BYTES) {
    this.#limitBytes = limitBytes;
  }

  /** Bytes that wait to be taken. */
  get bytes(): number {
    return this.#sealedBytes + this.#body.length;
  }

  get isEmpty(): boolean {
    return this.bytes === 0;
  }

  /** The last line is a commit. */
  get isComplete(): boolean {
    return this.#complete;
  }

  /** Opens a transaction; its line is written with the first event that follows. */
  begin(transactionLine: string): void {
    this.#transaction = transactionLine;
    this.#transactionWritten = false;
  }

  /** Defines a relation from here on; its line is written with the first row that uses it. */
  relation(id: number, relationLine: string): void {
    if (this.#relations.get(id) === relationLine) return;
    this.#relations.set(id, relationLine);
    this.#inRecord.delete(id);
  }

  /**
   * Opens an event: writes what the record lacks for it and hands out the writer for its line, newline included.
   * @param relationIds of the rows in the event; none for an event without rows.
   */
  event(position: Position, ...relationIds: readonly number[]): ByteWriter {
    if (this.#body.length >= (this.#complete ? this.#limitBytes / 2 : this.#limitBytes)) this.#seal();
    if (!this.#transactionWritten) {
      this.#body.ascii(this.#transaction);
      this.#body.byte(NEWLINE);
      this.#transactionWritten = true;
    }
    for (const id of relationIds) {
      if (this.#inRecord.has(id)) continue;
      this.#body.text(this.#relations.get(id)!);
      this.#body.byte(NEWLINE);
      this.#inRecord.add(id);
    }
    this.#first ??= position;
    this.#last = position;
    this.#complete = false;
    return this.#body;
  }

  /** Writes a whole line as an event. */
  line(position: Position, line: string, relationIds: readonly number[] = []): void {
    const body = this.event(position, ...relationIds);
    body.text(line);
    body.byte(NEWLINE);
  }

  commit(position: Position, commitLine: string): void {
    this.line(position, commitLine);
    this.#complete = true;
  }

  /** All records so far, and a fresh start; the open transaction and the relations stay known. */
  take(): Buffer[] {
    if (this.#body.length > 0) this.#seal();
    const records = this.#sealed;
    this.#sealed = [];
    this.#sealedBytes = 0;
    return records;
  }

  #seal(): void {
    const header: RecordHeader = {
      ferry: RECORD_VERSION,
      first: positionToJson(this.#first!),
      last: positionToJson(this.#last!),
      complete: this.#complete,
    };
    const head = Buffer.from(`${JSON.stringify(header)}\n`, 'latin1');
    const record = Buffer.allocUnsafeSlow(head.length + this.#body.length);
    head.copy(record);
    this.#body.view().copy(record, head.length);
    this.#sealed.push(record);
    this.#sealedBytes += record.length;
    this.#body.clear();
    this.#inRecord.clear();
    this.#transactionWritten = false;
    this.#first = undefined;
    this.#last = undefined;
  }
}

const NEWLINE = 0x0a;

/**
 * Kafka's default limit of a record batch is 1 MiB. A record is closed at the first event beyond this, and a block of a
 * snapshot's rows adds at most 512 KiB, so only a single huge row goes beyond the default.
 */
const RECORD_LIMIT_BYTES = 400 * 1024;
