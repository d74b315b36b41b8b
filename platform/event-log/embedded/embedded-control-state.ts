import { createHash } from 'node:crypto';
import { closeSync, constants, fdatasync, mkdirSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { ControlState } from '../port.js';
import { frameLength, HEADER_BYTES, readFrame, recordFrames } from './frames.js';
import { inLogDirectory } from './log-unusable.js';
import { writeWhole } from './write-whole.js';

const sync = promisify(fdatasync);

interface Entry {
  readonly key: string;
  readonly value: unknown;
}

/**
 * The control state: two files for each key, of which the older is overwritten. A put that is cut off leaves the other
 * one, and needs no space that is not there already: what fails because the disk is full can still be reported.
 */
export class EmbeddedControlState implements ControlState {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  async put(key: string, value: unknown): Promise<void> {
    await inLogDirectory(this.#directory, async () => {
      mkdirSync(this.#directory, { recursive: true });
      const body = Buffer.from(JSON.stringify({ key, value }));
      // Another process may have put the same key since it was read.
      while (!(await this.#replace(nameOf(key), body)));
    });
  }

  async get(key: string): Promise<unknown> {
    return inLogDirectory(this.#directory, () => this.#newest(nameOf(key))?.entry.value);
  }

  async entries(prefix: string): Promise<ReadonlyMap<string, unknown>> {
    return inLogDirectory(this.#directory, () => {
      const names = new Set(this.#files().map((file) => file.slice(0, file.lastIndexOf('.'))));
      const entries = [...names].flatMap((name) => this.#newest(name)?.entry ?? []);
      const found = entries.filter(({ key }) => key.startsWith(prefix));
      return new Map(found.sort((a, b) => (a.key < b.key ? -1 : 1)).map(({ key, value }) => [key, value]));
    });
  }

  async clear(): Promise<void> {
    await rm(this.#directory, { recursive: true, force: true });
  }

  /** @returns false when something newer stands there now. */
  async #replace(name: string, body: Buffer): Promise<boolean> {
    const before = this.#newest(name);
    const number = (before?.number ?? 0) + 1;
    const [frame] = recordFrames(number, [body], 0);
    const space = Buffer.alloc(Math.ceil(frame!.length / SPACE_BYTES) * SPACE_BYTES);
    frame!.copy(space);
    const fd = openSync(this.#file(name, before?.slot === 0 ? 1 : 0), constants.O_RDWR | constants.O_CREAT);
    try {
      writeWhole(fd, space, 0);
      await sync(fd);
    } finally {
      closeSync(fd);
    }
    const now = this.#newest(name);
    return now !== undefined && now.number === number && now.body.equals(body);
  }

  #newest(name: string) {
    const [a, b] = [this.#read(name, 0), this.#read(name, 1)];
    return a && b ? (a.number > b.number ? a : b) : (a ?? b);
  }

  /** @returns undefined for what is not there, or not whole. */
  #read(name: string, slot: 0 | 1) {
    let bytes: Buffer;
    try {
      bytes = readFileSync(this.#file(name, slot));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
    const length = bytes.length < HEADER_BYTES ? undefined : frameLength(bytes, 0);
    const frame = length !== undefined && length <= bytes.length ? readFrame(bytes, 0, length) : undefined;
    if (frame?.kind !== 'record') return undefined;
    const { number, body } = frame;
    return { slot, number, body, entry: JSON.parse(body.toString()) as Entry };
  }

  #file(name: string, slot: 0 | 1): string {
    return join(this.#directory, `${name}.${slot}`);
  }

  #files(): string[] {
    try {
      return readdirSync(this.#directory);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    }
  }
}

/** A key may be longer than a file's name, and have any letter. */
function nameOf(key: string): string {
  return createHash('sha256').update(key).digest('hex');
}

/** What a value takes is a multiple of it, so that it may grow where the disk is full. */
const SPACE_BYTES = 16 * 1024;
