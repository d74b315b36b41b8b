/**
 * A growing buffer for text that is written once and read once. Values go from the WAL's bytes to a record's bytes
 * without becoming JavaScript strings on the way: that is what keeps a change below a microsecond here, and what
 * keeps a byte order mark or an invalid sequence exactly as it was.
 */
export class ByteWriter {
  #buffer: Buffer;
  #length = 0;

  constructor(capacityBytes = 64 * 1024) {
    this.#buffer = Buffer.allocUnsafeSlow(capacityBytes);
  }

  get length(): number {
    return this.#length;
  }

  text(text: string): void {
    this.#reserve(text.length * 3);
    this.#length += this.#buffer.write(text, this.#length, 'utf8');
  }

  /** For text that is known to be ASCII and short: no length check by the encoder. */
  ascii(text: string): void {
    this.#reserve(text.length);
    this.#length += this.#buffer.write(text, this.#length, 'latin1');
  }

  bytes(source: Uint8Array, start = 0, end = source.length): void {
    this.#reserve(end - start);
    if (end - start <= COPIED_BY_HAND_BYTES) {
      const target = this.#buffer;
      let at = this.#length;
      for (let i = start; i < end; i++) target[at++] = source[i]!;
      this.#length = at;
      return;
    }
    this.#buffer.set(start === 0 && end === source.length ? source : source.subarray(start, end), this.#length);
    this.#length += end - start;
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#buffer[this.#length++] = value;
  }

  /** Writes UTF-8 bytes as a JSON string, quotes included. */
  jsonString(source: Uint8Array, start: number, end: number): void {
    // The worst case is a control character, which becomes six bytes; of much text, that would be memory for nothing.
    this.#reserve(end - start > COUNT_ABOVE_BYTES ? jsonStringBytes(source, start, end) : (end - start) * 6 + 2);
    const target = this.#buffer;
    let at = this.#length;
    target[at++] = QUOTE;
    for (let i = start; i < end; i++) {
      const byte = source[i]!;
      if (byte >= 0x20 && byte !== QUOTE && byte !== BACKSLASH) {
        target[at++] = byte;
        continue;
      }
      target[at++] = BACKSLASH;
      const short = SHORT_ESCAPES[byte]!;
      if (short !== 0) {
        target[at++] = short;
      } else {
        at += target.write(`u00${byte.toString(16).padStart(2, '0')}`, at, 'latin1');
      }
    }
    target[at++] = QUOTE;
    this.#length = at;
  }

  /** A view of what was written, valid until the next write. */
  view(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  /** What was written, and room behind it, to be changed in place; valid until the next write. */
  get buffer(): Buffer {
    return this.#buffer;
  }

  /** Takes back what was written last. @param length that stays. */
  truncate(length: number): void {
    this.#length = length;
  }

  clear(): void {
    this.#length = 0;
    // One huge row must not hold its memory for ever.
    if (this.#buffer.length > SHRINK_ABOVE_BYTES) this.#buffer = Buffer.allocUnsafeSlow(64 * 1024);
  }

  #reserve(bytes: number): void {
    const needed = this.#length + bytes;
    if (needed <= this.#buffer.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.#buffer.length * 2));
    grown.set(this.#buffer.subarray(0, this.#length));
    this.#buffer = grown;
  }
}

/** Bytes that `jsonString` writes. */
export function jsonStringBytes(source: Uint8Array, start: number, end: number): number {
  let bytes = end - start + 2;
  for (let i = start; i < end; i++) {
    const byte = source[i]!;
    if (byte < 0x20) bytes += SHORT_ESCAPES[byte] === 0 ? 5 : 1;
    else if (byte === QUOTE || byte === BACKSLASH) bytes += 1;
  }
  return bytes;
}

/** So few are written sooner one by one than by a call. */
const COPIED_BY_HAND_BYTES = 64;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COUNT_ABOVE_BYTES = 1024 * 1024;
const SHRINK_ABOVE_BYTES = 16 * 1024 * 1024;

const SHORT_ESCAPES = new Uint8Array(256);
for (const [byte, letter] of [
  [QUOTE, '"'],
  [BACKSLASH, '\\'],
  [0x08, 'b'],
  [0x09, 't'],
  [0x0a, 'n'],
  [0x0c, 'f'],
  [0x0d, 'r'],
] as const) {
  SHORT_ESCAPES[byte] = letter.charCodeAt(0);
}
