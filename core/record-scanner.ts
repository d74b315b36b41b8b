import { FerryError } from './errors.js';
import { type nthIndex, type Position, positionFromJson } from './position.js';
import {
  type CommitLine,
  type MessageLine,
  RECORD_VERSION,
  type RecordHeader,
  type RelationLine,
  type RowLine,
  type RowOp,
  type RowsLine,
  type TransactionLine,
  type TruncateLine,
} from './record.js';

export type LineKind = 'transaction' | 'relation' | 'row' | 'rows' | 'truncate' | 'commit' | 'message';

/** First and last position of a record, read from its header alone. */
export interface RecordSpan {
  readonly first: Position;
  readonly last: Position;
  readonly complete: boolean;
}

/**
 * Reads a record's header.
 * @throws FerryError `log-corrupt` when the record is not ours or of a version that we do not know.
 */
export function readSpan(record: Buffer): RecordSpan {
  const end = record.indexOf(NEWLINE);
  const header = parse<Partial<RecordHeader>>(record, 0, end < 0 ? record.length : end);
  if (header.ferry !== RECORD_VERSION || !header.first || !header.last) {
    throw new FerryError('log-corrupt', `a record of the log has format ${header.ferry}, not ${RECORD_VERSION}`);
  }
  return {
    first: positionFromJson(header.first),
    last: positionFromJson(header.last),
    complete: header.complete ?? false,
  };
}

/**
 * Walks a record line by line without parsing rows: a stage that only routes them copies bytes. One object serves a
 * whole record; its fields are those of the current line.
 */
export class RecordScanner {
  readonly #record: Buffer;
  #next: number;
  /** Where the current line starts. */
  start = 0;
  /** Behind the current line's last byte: its newline, or for a snapshot's rows the end of their COPY text. */
  end = 0;
  /** Of a snapshot's rows: where their COPY text starts. */
  bodyStart = 0;
  /** Of rows: behind their `op`. */
  headEnd = 0;
  #commit: CommitLine | undefined;
  #message: MessageLine | undefined;
  kind: LineKind = 'transaction';
  /** Of rows: the relation's id. */
  relation = 0;
  /** Of an event: its index within the transaction; between two whole ones as {@link nthIndex} says. */
  index = 0;
  op: RowOp | 'r' | 't' = 'c';

  constructor(record: Buffer) {
    this.#record = record;
    this.#next = record.indexOf(NEWLINE) + 1;
  }

  /** @returns false at the end of the record. */
  next(): boolean {
    const record = this.#record;
    const start = this.#next;
    if (start >= record.length) return false;
    const newline = record.indexOf(NEWLINE, start);
    if (newline < 0) throw corrupt('a line without an end');
    this.start = start;
    this.end = newline + 1;
    this.#next = this.end;
    // {"rel":  {"relation":  {"tx":  {"commit":  {"message":
    switch (record[start + 2]) {
      case LETTER_R:
        if (record[start + 5] === QUOTE) this.#row(start + 7);
        else this.kind = 'relation';
        return true;
      case LETTER_T:
        this.kind = 'transaction';
        return true;
      case LETTER_C: {
        this.kind = 'commit';
        this.#commit = parse<CommitLine>(record, start, newline);
        this.index = this.#commit.ix;
        return true;
      }
      case LETTER_M: {
        this.kind = 'message';
        this.#message = parse<MessageLine>(record, start, newline);
        this.index = this.#message.ix;
        return true;
      }
      default:
        throw corrupt(
          `an unknown line ${JSON.stringify(record.toString('utf8', start, Math.min(newline, start + 40)))}`,
        );
    }
  }

  transaction(): TransactionLine {
    return parse(this.#record, this.start, this.end);
  }
  /** The relation's line as text: equal text means an equal relation, so that callers can keep what they derived. */
  relationText(): string {
    return this.#record.toString('utf8', this.start, this.end - 1);
  }
  relationLine(): RelationLine {
    return parse(this.#record, this.start, this.end);
  }
  row(): RowLine {
    return parse(this.#record, this.start, this.end);
  }
  /**
   * Of a row: where its values start, behind their bracket; for a create, and for an update that gives neither the
   * key nor the row before. Undefined for other changes.
   */
  newStart(): number | undefined {
    // ,"new":[
    return this.#record[this.headEnd + 2] === LETTER_N ? this.headEnd + 8 : undefined;
  }
  /** Of rows: where the letter of their `op` stands. */
  get opAt(): number {
    return this.headEnd - 2;
  }
  rows(): RowsLine {
    return parse(this.#record, this.start, this.bodyStart);
  }
  truncate(): TruncateLine {
    return parse(this.#record, this.start, this.end);
  }
  commit(): CommitLine {
    return this.#commit!;
  }
  message(): MessageLine {
    return this.#message!;
  }

  /** Reads `{"rel":16385,"ix":0,"op":"c"` by hand; `at` is the first digit of the relation. */
  #row(at: number): void {
    const record = this.#record;
    let relation = 0;
    let i = at;
    for (; record[i] !== COMMA; i++) relation = relation * 10 + record[i]! - ZERO;
    let index = 0;
    for (i += 6; record[i]! >= ZERO; i++) index = index * 10 + record[i]! - ZERO;
    if (record[i] === POINT) {
      const end = record.indexOf(COMMA, i);
      index += Number(record.toString('latin1', i, end));
      i = end;
    }
    this.relation = relation;
    this.index = index;
    this.op = String.fromCharCode(record[i + 7]!) as RowOp | 'r' | 't';
    this.headEnd = i + 9;
    if (this.op === 'r') {
      this.kind = 'rows';
      this.bodyStart = this.end;
      this.end += this.rows().bytes;
      if (this.end > record.length) throw corrupt('rows cut short');
      this.#next = this.end;
    } else {
      this.kind = this.op === 't' ? 'truncate' : 'row';
    }
  }
}

function parse<T>(record: Buffer, start: number, end: number): T {
  try {
    return JSON.parse(record.toString('utf8', start, end)) as T;
  } catch (cause) {
    throw corrupt('a line that is not JSON', cause);
  }
}

function corrupt(what: string, cause?: unknown): FerryError {
  return new FerryError('log-corrupt', `a record of the log holds ${what}`, { cause });
}

const NEWLINE = 0x0a;
const QUOTE = 0x22;
const COMMA = 0x2c;
const POINT = 0x2e;
const ZERO = 0x30;
const LETTER_C = 0x63;
const LETTER_M = 0x6d;
const LETTER_N = 0x6e;
const LETTER_R = 0x72;
const LETTER_T = 0x74;
