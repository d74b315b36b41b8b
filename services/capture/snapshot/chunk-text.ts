/** Collects COPY text up to a limit, in whole lines: one at the least, however large. */
export class ChunkText {
  readonly #maxBytes: number;
  readonly #parts: Buffer[] = [];
  #bytes = 0;
  /** Behind the last newline. */
  #wholeBytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Of a line that has not ended yet. */
  get openBytes(): number {
    return this.#bytes - this.#wholeBytes;
  }

  /** What comes from here on is not wanted. */
  get isFull(): boolean {
    return this.#wholeBytes > 0 && this.#bytes > this.#maxBytes;
  }

  take(part: Buffer): void {
    this.#parts.push(part);
    const newline = part.lastIndexOf(NEWLINE);
    if (newline >= 0) this.#wholeBytes = this.#bytes + newline + 1;
    this.#bytes += part.length;
  }

  /** All whole lines. */
  lines(): Buffer {
    return Buffer.concat(this.#parts).subarray(0, this.#wholeBytes);
  }
}

const NEWLINE = 0x0a;
