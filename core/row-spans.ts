import type { RowOp } from './record.js';
import type { RecordScanner } from './record-scanner.js';
import { corruptRow, JsonTuple } from './tuple-spans.js';

/** A row's line by where its values stand; one object serves line after line. */
export class RowSpans {
  readonly #key: JsonTuple;
  readonly #old: JsonTuple;
  readonly #new: JsonTuple;
  op: RowOp = 'c';
  isEverywhere = false;
  key: JsonTuple | undefined;
  old: JsonTuple | undefined;
  new: JsonTuple | undefined;

  /** @param columns of the relation. */
  constructor(columns: number) {
    this.#key = new JsonTuple(columns);
    this.#old = new JsonTuple(columns);
    this.#new = new JsonTuple(columns);
  }

  /**
   * Reads the scanner's line, which is a row's.
   * @throws FerryError `log-corrupt` for one that has other values than the relation has columns.
   */
  read(record: Buffer, { end, headEnd, op }: RecordScanner): void {
    this.op = op as RowOp;
    this.isEverywhere = false;
    this.key = undefined;
    this.old = undefined;
    this.new = undefined;
    let at = headEnd;
    // ,"key":[  ,"old":[  ,"new":[  ,"everywhere":true
    while (record[at] === COMMA) {
      switch (record[at + 2]) {
        case LETTER_N:
          this.new = this.#new;
          at = this.#new.read(record, at + MEMBER_BYTES);
          break;
        case LETTER_K:
          this.key = this.#key;
          at = this.#key.read(record, at + MEMBER_BYTES);
          break;
        case LETTER_O:
          this.old = this.#old;
          at = this.#old.read(record, at + MEMBER_BYTES);
          break;
        case LETTER_E:
          this.isEverywhere = true;
          at += EVERYWHERE_BYTES;
          break;
        default:
          throw corruptRow();
      }
    }
    if (at !== end - 2) throw corruptRow();
  }
}

const MEMBER_BYTES = ',"new":'.length;
const EVERYWHERE_BYTES = ',"everywhere":true'.length;

const COMMA = 0x2c;
const LETTER_E = 0x65;
const LETTER_K = 0x6b;
const LETTER_N = 0x6e;
const LETTER_O = 0x6f;
