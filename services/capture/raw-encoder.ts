import { FerryError } from '../../core/errors.js';
import { addTo } from '../../core/ledger.js';
import { formatLsn, LSN_ZERO, type Lsn } from '../../core/lsn.js';
import type { Position } from '../../core/position.js';
import { type ChunkMark, MESSAGE, relationToLine } from '../../core/record.js';
import type { RecordWriter } from '../../core/record-writer.js';
import { displayName, type Relation } from '../../core/relation.js';
import {
  type BeginMessage,
  type CommitMessage,
  decode,
  type LogicalMessage,
  NONE,
  type RowMessage,
  type TruncateMessage,
} from './pgoutput/decode.js';
import { writeTuple } from './pgoutput/tuple.js';
import type { SnapshotWindows } from './snapshot/windows.js';
import { writeChunk } from './snapshot/write-chunk.js';
import type { CaptureTallies } from './tallies.js';

/** Where the raw topic ended when this capture began: everything up to it comes again and is dropped. */
export interface ResumePoint {
  readonly position: Position;
  /** The last event was a commit. */
  readonly complete: boolean;
}

/**
 * Turns pgoutput's messages into the raw topic's records: gives each event its position, drops what the log has
 * already, and lets snapshot chunks in at their high watermark. No I/O: bytes in, bytes out.
 */
export class RawEncoder {
  readonly #writer: RecordWriter;
  readonly #windows: SnapshotWindows;
  readonly #tables: ReadonlySet<string>;
  readonly #tallies: CaptureTallies;
  readonly #resume: ResumePoint;
  readonly #onChunk: (table: string, rows: number, mark: ChunkMark | undefined) => void;
  readonly #relations = new Map<number, { relation: Relation; name: string; captured: boolean }>();
  #transaction: BeginMessage | undefined;
  #index = 0;
  /** Events of the open transaction up to this index are in the log. */
  #dropUpTo = -1;
  #touched = false;
  #committedThrough = LSN_ZERO;
  #committedTime: string | null = null;
  #captured = 0;
  #time = '';

  constructor(options: {
    writer: RecordWriter;
    windows: SnapshotWindows;
    /** Display names of the tables to capture; a publication may hold more. */
    tables: ReadonlySet<string>;
    tallies: CaptureTallies;
    resume: ResumePoint;
    /** A chunk went into the log's next records. */
    onChunk: (table: string, rows: number, mark: ChunkMark | undefined) => void;
  }) {
    this.#writer = options.writer;
    this.#windows = options.windows;
    this.#tables = options.tables;
    this.#tallies = options.tallies;
    this.#resume = options.resume;
    this.#onChunk = options.onChunk;
  }

  /** Row changes that went into records. */
  get capturedChanges(): number {
    return this.#captured;
  }

  /** Commit time of the last whole transaction; null before the first. */
  get committedTime(): string | null {
    return this.#committedTime;
  }

  /**
   * The first LSN behind the last whole transaction that went into records, now or before a restart: acknowledge it
   * once the log has it. One that left nothing there does not count: the slot would be ahead of the log's end, which a
   * restart takes for lost WAL. Heartbeats move it on.
   */
  get committedThrough(): Lsn {
    return this.#committedThrough;
  }

  /**
   * Takes one message.
   * @throws FerryError `protocol-violation` when the stream contradicts itself.
   */
  take(message: Buffer): void {
    const decoded = decode(message);
    switch (decoded.tag) {
      case 'row':
        return this.#row(message, decoded);
      case 'begin':
        return this.#begin(decoded);
      case 'commit':
        return this.#commit(decoded);
      case 'relation':
        return this.#relation(decoded.relation);
      case 'truncate':
        return this.#truncate(decoded);
      case 'message':
        return this.#message(decoded);
      case 'ignored':
        return;
      default:
        return decoded satisfies never;
    }
  }

  #begin(begin: BeginMessage): void {
    this.#transaction = begin;
    this.#index = 0;
    this.#touched = false;
    const { position, complete } = this.#resume;
    if (begin.commitLsn > position.lsn) this.#dropUpTo = -1;
    else this.#dropUpTo = begin.commitLsn < position.lsn || complete ? Number.MAX_SAFE_INTEGER : position.index;
    this.#time = formatMicros(begin.commitTimeMicros);
    this.#writer.begin(`{"tx":"${formatLsn(begin.commitLsn)}","xid":${begin.xid},"time":"${this.#time}"}`);
  }

  #commit(commit: CommitMessage): void {
    const { commitLsn } = this.#open();
    if (commitLsn !== commit.commitLsn) throw violation(`commit ${formatLsn(commit.commitLsn)} in another transaction`);
    if (this.#touched || (this.#dropUpTo >= 0 && this.#dropUpTo < Number.MAX_SAFE_INTEGER)) {
      // A chunk that was written before a restart may have used indexes that the stream itself does not reach.
      const index = Math.max(this.#index, this.#dropUpTo + 1);
      const line = `{"commit":"${formatLsn(commitLsn)}","ix":${index},"end":"${formatLsn(commit.commitEnd)}"}`;
      this.#writer.commit({ lsn: commitLsn, index }, line);
    }
    this.#windows.delivered(this.#open().xid);
    if (this.#touched || this.#dropUpTo >= 0) this.#committedThrough = commit.commitEnd;
    this.#committedTime = this.#time;
    this.#transaction = undefined;
  }

  #relation(relation: Relation): void {
    const name = displayName(relation);
    const captured = this.#tables.has(name);
    this.#relations.set(relation.id, { relation, name, captured });
    if (captured) this.#writer.relation(relation.id, JSON.stringify(relationToLine(relation)));
  }

  #row(message: Buffer, row: RowMessage): void {
    const known = this.#known(row.relation);
    if (!known.captured) return;
    this.#windows.row(message, row, known.relation);
    addTo(this.#tallies.read, known.name, 1);
    const position = this.#next();
    if (!position) return addTo(this.#tallies.deduplicated, known.name, 1);
    const out = this.#writer.event(position, row.relation);
    out.ascii(`{"rel":${row.relation},"ix":${position.index},"op":"${row.op}"`);
    if (row.keyAt !== NONE) {
      out.ascii(',"key":');
      writeTuple(out, message, row.keyAt);
    }
    if (row.oldAt !== NONE) {
      out.ascii(',"old":');
      writeTuple(out, message, row.oldAt);
    }
    if (row.newAt !== NONE) {
      out.ascii(',"new":');
      // A key value that is stored out of line is unchanged in the new row, and comes with the old key.
      writeTuple(out, message, row.newAt, row.oldAt !== NONE ? row.oldAt : row.keyAt);
    }
    out.ascii('}\n');
    addTo(this.#tallies.captured, known.name, 1);
    this.#captured++;
  }

  #truncate(truncate: TruncateMessage): void {
    const relations = truncate.relations.filter((id) => this.#known(id).captured);
    if (relations.length === 0) return;
    this.#windows.truncate(relations);
    const names = relations.map((id) => this.#known(id).name);
    for (const name of names) addTo(this.#tallies.read, name, 1);
    const position = this.#next();
    if (!position) {
      for (const name of names) addTo(this.#tallies.deduplicated, name, 1);
      return;
    }
    const { cascade, restartIdentity } = truncate;
    const line = { rel: 0, ix: position.index, op: 't', relations, cascade, restartIdentity };
    this.#writer.line(position, JSON.stringify(line), relations);
    for (const name of names) addTo(this.#tallies.captured, name, 1);
  }

  #message(message: LogicalMessage): void {
    if (!message.transactional || !message.prefix.startsWith('ferry:')) return;
    if (message.prefix === MESSAGE.low) return this.#windows.low(message.content);
    if (message.prefix === MESSAGE.high) {
      const closed = this.#windows.high(message.content);
      if (!closed) return;
      writeChunk(this.#writer, closed, () => this.#next()!, this.#tallies);
      this.#captured += closed.reconciled.rows;
      this.#onChunk(displayName(closed.plan.relation), closed.chunk.rows, closed.chunk.mark);
      return;
    }
    const position = this.#next();
    if (!position) return;
    const { prefix, content } = message;
    this.#writer.line(position, JSON.stringify({ message: prefix, ix: position.index, content }));
  }

  /** The next event's position; undefined when the log has it. */
  #next(): Position | undefined {
    const index = this.#index++;
    if (index <= this.#dropUpTo) return undefined;
    this.#touched = true;
    return { lsn: this.#open().commitLsn, index };
  }

  #open(): BeginMessage {
    if (!this.#transaction) throw violation('an event outside of a transaction');
    return this.#transaction;
  }

  #known(relation: number): { relation: Relation; name: string; captured: boolean } {
    const known = this.#relations.get(relation);
    if (!known) throw violation(`a row of the relation ${relation}, which it has not described`);
    return known;
  }
}

function violation(what: string): FerryError {
  return new FerryError('protocol-violation', `the source sent ${what}`);
}

/** ISO 8601 in UTC with all six digits. */
function formatMicros(micros: bigint): string {
  const millis = micros / 1000n;
  const rest = String(micros % 1000n).padStart(3, '0');
  return `${new Date(Number(millis)).toISOString().slice(0, -1)}${rest}Z`;
}
