import { parseCopyField } from './copy-text.js';
import { FerryError } from './errors.js';
import type { Value } from './record.js';

/** What stands in a column: nothing, a value that has not changed, plain text, or any other. */
export const SPAN = { null: 0, unchanged: 1, plain: 2, coded: 3 } as const;

/**
 * Where the values of a row stand in bytes. Text is made of those alone that somebody asks for; all others go from bytes
 * to bytes. One object serves row after row.
 */
export abstract class TupleSpans {
  bytes: Buffer = Buffer.alloc(0);
  /** By column, as SPAN has it. Plain text is short, and the same in JSON, in COPY text and in UTF-8. */
  readonly kinds: Uint8Array;
  /** By column: its first byte, and the one behind its last; quotes count. */
  readonly starts: Uint32Array;
  readonly ends: Uint32Array;
  /** Columns that stand side by side in the table do so in the bytes. */
  isInOrder = true;
  /** Bytes around each text that are not of it. */
  abstract readonly quoteBytes: number;

  constructor(columns: number) {
    this.kinds = new Uint8Array(columns);
    this.starts = new Uint32Array(columns);
    this.ends = new Uint32Array(columns);
  }

  abstract value(column: number): Value;
}

/** The tuples of a row's line: `["1",null,false]`. */
export class JsonTuple extends TupleSpans {
  readonly quoteBytes = 1;

  /** @param at its bracket. @returns behind its last one. @throws FerryError `log-corrupt` for what is not written as rows are. */
  read(bytes: Buffer, at: number): number {
    const { kinds, starts, ends } = this;
    this.bytes = bytes;
    this.isInOrder = true;
    const last = kinds.length - 1;
    let next = at;
    for (let column = 0; column <= last; column++) {
      // Behind the bracket, or the comma.
      const start = next + 1;
      const first = bytes[start];
      if (first === QUOTE) {
        next = start + 1;
        const far = next + PLAIN_BYTES;
        while (IS_PLAIN[bytes[next]!] === 1 && next < far) next++;
        const isPlain = bytes[next] === QUOTE;
        kinds[column] = isPlain ? SPAN.plain : SPAN.coded;
        next = isPlain ? next + 1 : endOfText(bytes, next);
      } else if (first === LETTER_N || first === LETTER_F) {
        kinds[column] = first === LETTER_N ? SPAN.null : SPAN.unchanged;
        next = start + (first === LETTER_N ? 'null' : 'false').length;
      } else throw corruptRow();
      starts[column] = start;
      ends[column] = next;
      if (bytes[next] !== (column === last ? BRACKET : COMMA)) throw corruptRow();
    }
    return next + 1;
  }

  value(column: number): Value {
    const { bytes, kinds, starts, ends } = this;
    if (kinds[column] === SPAN.null) return null;
    if (kinds[column] === SPAN.unchanged) return false;
    if (kinds[column] === SPAN.plain) return bytes.toString('latin1', starts[column]! + 1, ends[column]! - 1);
    return JSON.parse(bytes.toString('utf8', starts[column], ends[column])) as string;
  }

  /** What has not changed is as it was. */
  fillFrom({ kinds, starts, ends }: JsonTuple): void {
    for (let column = 0; column < this.kinds.length; column++) {
      if (this.kinds[column] !== SPAN.unchanged) continue;
      this.kinds[column] = kinds[column]!;
      this.starts[column] = starts[column]!;
      this.ends[column] = ends[column]!;
      this.isInOrder = false;
    }
  }
}

/** Rows of COPY text, one after the other. */
export class CopyTuple extends TupleSpans {
  readonly quoteBytes = 0;
  #fields: readonly number[] = [];

  /** @param fields by field of the text, the index of its column, -1 for none; columns without a field are null. */
  begin(bytes: Buffer, fields: readonly number[]): void {
    this.bytes = bytes;
    this.#fields = fields;
    this.isInOrder = fields.every((column, i) => column === i);
    this.kinds.fill(SPAN.null);
  }

  /** @param at the row's first byte. @returns the next one's. */
  read(at: number): number {
    const { bytes, kinds, starts, ends } = this;
    const fields = this.#fields;
    const last = fields.length - 1;
    let start = at;
    for (let field = 0; field <= last; field++) {
      const delimiter = field === last ? NEWLINE : TAB;
      const far = start + PLAIN_BYTES;
      let end = start;
      while (IS_PLAIN[bytes[end]!] === 1 && end < far) end++;
      let kind: number = SPAN.plain;
      if (bytes[end] !== delimiter) {
        kind = bytes[start] === BACKSLASH && bytes[start + 1] === LETTER_NULL ? SPAN.null : SPAN.coded;
        end = bytes.indexOf(delimiter, end);
        if (end < 0) throw corruptRow();
      }
      const column = fields[field]!;
      if (column >= 0) {
        kinds[column] = kind;
        starts[column] = start;
        ends[column] = end;
      }
      start = end + 1;
    }
    return start;
  }

  value(column: number): string | null {
    const { bytes, kinds, starts, ends } = this;
    if (kinds[column] === SPAN.null) return null;
    if (kinds[column] === SPAN.plain) return bytes.toString('latin1', starts[column], ends[column]);
    return parseCopyField(bytes.toString('utf8', starts[column], ends[column]));
  }
}

/** @param from behind an escape, or before one. @returns behind the quote that ends the text. */
function endOfText(bytes: Buffer, from: number): number {
  let at = from;
  for (;;) {
    for (const far = at + BY_HAND_BYTES; at < far; at += bytes[at] === BACKSLASH ? 2 : 1) {
      if (bytes[at] === QUOTE) return at + 1;
    }
    const quote = bytes.indexOf(QUOTE, at);
    if (quote < 0) throw corruptRow();
    let escapes = quote;
    while (escapes > at && bytes[escapes - 1] === BACKSLASH) escapes--;
    if ((quote - escapes) % 2 === 0) return quote + 1;
    at = quote + 1;
  }
}

/** Whether text, however long, is the same in JSON, in COPY text and in UTF-8. */
export function isPlainText(text: string): boolean {
  return [...text].every((char) => IS_PLAIN[char.codePointAt(0)!] === 1);
}

/** A row that is not written as capture and RecordWriter write rows. */
export function corruptRow(): FerryError {
  return new FerryError('log-corrupt', 'a record of the log holds a row that is not written as rows are');
}

const TAB = 0x09;
const NEWLINE = 0x0a;
const QUOTE = 0x22;
const COMMA = 0x2c;
const LETTER_NULL = 0x4e;
const BACKSLASH = 0x5c;
const BRACKET = 0x5d;
const LETTER_F = 0x66;
const LETTER_N = 0x6e;

/** Of plain text, at most. */
const PLAIN_BYTES = 64;
/** Then the next quote is looked for by a call: JSON within JSON is full of them, long texts are not. */
const BY_HAND_BYTES = 64;

/** ASCII that neither JSON nor COPY text escapes. */
const IS_PLAIN = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte >= 0x20 && byte < 0x7f && byte !== QUOTE && byte !== BACKSLASH ? 1 : 0,
);
