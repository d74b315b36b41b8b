import { copyField, parseCopyField } from '../../../core/copy-text.js';
import type { Tuple } from '../../../core/record.js';
import { type Chunk, lineStarts, type ReconciledChunk } from './chunk.js';
import { type DeliveredXids, isStale } from './delivered-xids.js';

/**
 * The window of a chunk between its low and high watermark in the stream. A row of the chunk whose key changed in the
 * window gives way: the stream has said the same or newer. Only a TOAST value that the changes did not carry is taken
 * from the chunk, where it is what it was before and after them.
 * @see DBLog, https://arxiv.org/abs/2010.12597
 */
export class WatermarkWindow {
  /** Columns of the key, as indexes into the relation's columns. */
  readonly #keyIndexes: readonly number[];
  readonly #changes = new Map<string, Change>();
  #mark: ReturnType<DeliveredXids['mark']> | undefined;
  #chunk: Chunk | undefined;
  #truncated = false;

  constructor(keyIndexes: readonly number[]) {
    this.#keyIndexes = keyIndexes;
  }

  /** The low watermark came: changes count from here on. */
  opened(delivered: DeliveredXids): void {
    this.#mark = delivered.mark();
  }

  get isOpen(): boolean {
    return this.#mark !== undefined;
  }

  fill(chunk: Chunk): void {
    this.#chunk = chunk;
  }

  created(row: Tuple): void {
    this.#changes.set(this.#key(row), 'gives-way');
  }

  deleted(old: Tuple): void {
    this.#changes.set(this.#key(old), 'gives-way');
  }

  /** @param old the old key, when the key changed. */
  updated(row: Tuple, old: Tuple | undefined): void {
    const key = this.#key(row);
    if (old && this.#key(old) !== key) {
      // Where the moved row lacks values, the caller reads it again by its new key.
      this.#changes.set(this.#key(old), 'gives-way');
      this.#changes.set(key, 'gives-way');
      return;
    }
    const before = this.#changes.get(key);
    if (before === 'gives-way' || !row.includes(false)) this.#changes.set(key, 'gives-way');
    else this.#changes.set(key, before ? row.map((value, i) => (value === false ? before[i]! : value)) : row);
  }

  truncated(): void {
    this.#truncated = true;
  }

  /**
   * The high watermark came.
   * @returns what of the chunk goes into the log, or `stale` when it must be read again.
   */
  close(): ReconciledChunk | 'stale' {
    const chunk = this.#chunk;
    if (!chunk || !this.#mark || isStale(this.#mark, chunk.snapshot)) return 'stale';
    if (this.#truncated) return { text: Buffer.alloc(0), rows: 0, gaveWay: chunk.rows };
    if (this.#changes.size === 0) return { text: chunk.text, rows: chunk.rows, gaveWay: 0 };
    return this.#reconcile(chunk);
  }

  /** Of these keys those that no change in the window was about. */
  untouched(keys: readonly (readonly string[])[]): readonly (readonly string[])[] {
    if (this.#truncated) return [];
    return keys.filter((key) => !this.#changes.has(key.map(copyField).join('\t')));
  }

  #reconcile(chunk: Chunk): ReconciledChunk {
    const kept: Buffer[] = [];
    let gaveWay = 0;
    const starts = lineStarts(chunk.text);
    for (let i = 0; i + 1 < starts.length; i++) {
      const line = chunk.text.subarray(starts[i], starts[i + 1]);
      const change = this.#changes.get(fieldsOfLine(line, this.#keyIndexes).join('\t'));
      if (change === undefined) kept.push(line);
      else if (change === 'gives-way') gaveWay++;
      else
        kept.push(Buffer.from(`${overlay(line.toString('utf8', 0, line.length - 1).split('\t'), change)}\n`, 'utf8'));
    }
    return { text: Buffer.concat(kept), rows: starts.length - 1 - gaveWay, gaveWay };
  }

  #key(row: Tuple): string {
    return this.#keyIndexes.map((index) => copyField(row[index] || '')).join('\t');
  }
}

/** `gives-way`: the stream carried the whole row, or its end. A tuple: what it carried, false where it did not. */
type Change = 'gives-way' | Tuple;

function overlay(fields: readonly string[], change: Tuple): string {
  return fields.map((field, i) => (change[i] === false ? field : copyField(change[i]!))).join('\t');
}

/** Key values of a COPY line. */
export function keyOfLine(line: Buffer, keyIndexes: readonly number[]): string[] {
  return fieldsOfLine(line, keyIndexes).map((field) => parseCopyField(field)!);
}

/** Some fields as they stand there; the others, which may be large, are not looked at. */
function fieldsOfLine(line: Buffer, indexes: readonly number[]): string[] {
  const end = line.at(-1) === NEWLINE ? line.length - 1 : line.length;
  const starts = [0];
  for (let field = 0, last = Math.max(...indexes); field <= last; field++) {
    const tab = line.indexOf(TAB, starts[field]);
    starts.push((tab < 0 ? end : tab) + 1);
  }
  return indexes.map((index) => line.toString('utf8', starts[index], starts[index + 1]! - 1));
}

const TAB = 0x09;
const NEWLINE = 0x0a;
