import { fstatSync, readSync } from 'node:fs';
import { FerryError } from '../../../core/errors.js';
import { type Frame, findMagic, frameLength, HEADER_BYTES, readFrame } from './frames.js';

/** What is read at once, at the least. */
const WINDOW_BYTES = 64 * 1024;

/** A frame and where it begins. */
export type PlacedFrame = Frame & { readonly position: number };

/**
 * The frames of a file from a position on, in their order, up to what is not whole: that may still be being written.
 * Where a write was cut off, it goes on at the frame that says so.
 * @throws FerryError `log-corrupt` for what is damaged and had been on disk.
 */
export function* scanFrames(fd: number, from: number, path: string): Generator<PlacedFrame> {
  const window = new Window(fd);
  for (let position = from; ; ) {
    const frame = window.frameAt(position);
    if (frame) {
      yield frame;
      position = frame.end;
      continue;
    }
    const behind = window.behindDamage(position);
    if (!behind) return;
    // Whoever wrote behind it did so after it was whole, or never would be; what was read of it may be older.
    window.forget();
    if (window.frameAt(position)) continue;
    if (behind.kind === 'durable') throw damaged(path, position);
    position = behind.position;
  }
}

/** The first frame between two positions that says what is on disk. */
export function findDurable(
  fd: number,
  from: number,
  to: number,
): Extract<PlacedFrame, { kind: 'durable' }> | undefined {
  const window = new Window(fd);
  for (const frame of window.framesIn(from, to)) if (frame.kind === 'durable') return frame;
  return undefined;
}

/** A part of a file in memory; the file is as long as it was when this was made. */
class Window {
  readonly #fd: number;
  readonly #size: number;
  #start = 0;
  #bytes = Buffer.alloc(0);

  constructor(fd: number) {
    this.#fd = fd;
    this.#size = fstatSync(fd).size;
  }

  forget(): void {
    this.#bytes = Buffer.alloc(0);
  }

  /** @returns undefined when none stands there whole. */
  frameAt(position: number): PlacedFrame | undefined {
    if (!this.#has(position, HEADER_BYTES)) return undefined;
    const length = frameLength(this.#bytes, position - this.#start);
    if (length === undefined || !this.#has(position, length)) return undefined;
    const frame = readFrame(this.#bytes, position - this.#start, length);
    return frame && { ...frame, position, end: position + length };
  }

  /** What says that the file goes on behind a damaged place, or that the place had been on disk. */
  behindDamage(at: number): PlacedFrame | undefined {
    for (const frame of this.framesIn(at + 1, this.#size)) {
      if (frame.kind === 'torn' && frame.number === at) return frame;
      if (frame.kind === 'durable' && frame.number > at) return frame;
    }
    return undefined;
  }

  /** Whole frames that begin between two positions, wherever the first one begins. */
  *framesIn(from: number, to: number): Generator<PlacedFrame> {
    for (let position = from; position < to; ) {
      if (!this.#has(position, Math.min(HEADER_BYTES, this.#size - position))) return;
      const found = findMagic(this.#bytes, position - this.#start);
      if (found < 0) {
        // The magic itself may go across the window's end.
        const end = this.#start + this.#bytes.length;
        if (end >= this.#size) return;
        position = Math.max(position + 1, end - HEADER_BYTES);
        this.forget();
        continue;
      }
      position = this.#start + found;
      if (position >= to) return;
      const frame = this.frameAt(position);
      if (frame) yield frame;
      position = frame ? frame.end : position + 1;
    }
  }

  /** Has the bytes in memory, if the file has them. */
  #has(position: number, length: number): boolean {
    if (length <= 0 || position + length > this.#size) return false;
    if (position >= this.#start && position + length <= this.#start + this.#bytes.length) return true;
    const bytes = Buffer.allocUnsafeSlow(Math.min(Math.max(length, WINDOW_BYTES), this.#size - position));
    let filled = 0;
    while (filled < bytes.length) {
      const read = readSync(this.#fd, bytes, filled, bytes.length - filled, position + filled);
      if (read === 0) return false;
      filled += read;
    }
    this.#start = position;
    this.#bytes = bytes;
    return true;
  }
}

function damaged(path: string, position: number): FerryError {
  return new FerryError('log-corrupt', `${path} is damaged at byte ${position}: what stood there was on disk`, {
    details: { file: path, position },
  });
}
