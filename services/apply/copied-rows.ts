import { copyLine, parseCopyField } from '../../core/copy-text.js';
import type { Tuple } from '../../core/record.js';
import type { Upsert } from './fold.js';

/**
 * Rows that changes say whole, as COPY text in tuple order. Their bytes go from the record's JSON straight to what COPY
 * takes: most rows of a table that catches up become JavaScript values nowhere.
 */
export class CopiedRows {
  #text = Buffer.allocUnsafeSlow(FIRST_BYTES);
  #length = 0;
  /** Where each field of the row added last starts, and behind the last field its newline. */
  readonly #starts: number[] = [];

  /**
   * Adds a row that a line of a record holds as a JSON array of strings and nulls.
   * @param at behind the opening bracket.
   * @param end of the line: no row takes more bytes as COPY text than as JSON.
   * @returns undefined, and adds nothing, when the row is not whole, or has an escape that is better read as JSON.
   */
  add(record: Buffer, at: number, end: number): Upsert | undefined {
    this.#reserve(end - at);
    const text = this.#text;
    const starts = this.#starts;
    starts.length = 0;
    const start = this.#length;
    let to = start;
    for (let i = at; ; i++) {
      starts.push(to);
      if (record[i] === QUOTE) {
        for (i++; ; i++) {
          const byte = record[i]!;
          if (byte === QUOTE) break;
          if (byte === BACKSLASH) {
            const escaped = record[++i]!;
            if (escaped === LETTER_U) return undefined;
            if (escaped !== QUOTE) text[to++] = BACKSLASH;
            text[to++] = escaped;
          } else {
            text[to++] = byte;
          }
        }
        i++;
      } else if (record[i] === LETTER_N) {
        text[to++] = BACKSLASH;
        text[to++] = UPPER_N;
        i += 4;
      } else {
        return undefined;
      }
      if (record[i] !== COMMA) break;
      text[to++] = TAB;
    }
    text[to++] = NEWLINE;
    starts.push(to);
    this.#length = to;
    return new CopiedRow(this, start, to);
  }

  /** A field of the row added last. */
  field(index: number): string | null {
    return parseCopyField(this.#text.toString('utf8', this.#starts[index]!, this.#starts[index + 1]! - 1));
  }

  /** Valid until the next row is added. */
  slice(start: number, end: number): Buffer {
    return this.#text.subarray(start, end);
  }

  #reserve(bytes: number): void {
    const needed = this.#length + bytes;
    if (needed <= this.#text.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.#text.length * 2));
    this.#text.copy(grown, 0, 0, this.#length);
    this.#text = grown;
  }
}

class CopiedRow implements Upsert {
  readonly kind = 'upsert';
  readonly rows: CopiedRows;
  readonly start: number;
  readonly end: number;

  constructor(rows: CopiedRows, start: number, end: number) {
    this.rows = rows;
    this.start = start;
    this.end = end;
  }

  get row(): Tuple {
    const line = this.rows.slice(this.start, this.end - 1).toString('utf8');
    return line.split('\t').map(parseCopyField);
  }
}

/** Upserts as COPY text, in tuple order. */
export function copyUpserts(upserts: readonly Upsert[]): Buffer {
  const parts: Buffer[] = [];
  for (let i = 0; i < upserts.length; ) {
    const first = upserts[i++]!;
    if (!(first instanceof CopiedRow)) {
      parts.push(Buffer.from(copyLine(first.row as readonly (string | null)[]), 'utf8'));
      continue;
    }
    // Rows that nothing has replaced stand one behind the other.
    let { end } = first;
    for (let next = upserts[i]; next instanceof CopiedRow && next.start === end; next = upserts[++i]) end = next.end;
    parts.push(first.rows.slice(first.start, end));
  }
  return Buffer.concat(parts);
}

/** A table's rows within a batch are few where it streams, and many where it catches up. */
const FIRST_BYTES = 1024;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const TAB = 0x09;
const NEWLINE = 0x0a;
const LETTER_N = 0x6e;
const UPPER_N = 0x4e;
const LETTER_U = 0x75;
