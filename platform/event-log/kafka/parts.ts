import type { LogRecord } from '../port.js';
import { type OutgoingMessage, RECORD_OVERHEAD_BYTES } from './split-messages.js';

/**
 * A record that is larger than brokers take in one message travels as several: one after the other, their values in
 * order are the record's, and each has a header that says which it is of how many: `ferry-part: 3f9a01c2b7d4 2/20`.
 * What a crash or another writer left of a record that did not become whole is no record.
 */
const PART_HEADER = 'ferry-part';

export interface Part {
  /** Tells this record's parts from those of any other, another attempt's at the same one included. */
  readonly id: string;
  /** From 1. */
  readonly number: number;
  readonly of: number;
}

/** A message as it was read. */
export interface FetchedRecord {
  readonly offset: number;
  readonly key: Buffer | null;
  /** null: a tombstone. */
  readonly value: Buffer | null;
  readonly part?: Part | undefined;
}

/**
 * @param limitBytes of a message, its overhead included.
 * @param id of this attempt alone.
 */
export function cutMessage({ value }: OutgoingMessage, limitBytes: number, id: string): OutgoingMessage[] {
  const size = limitBytes - RECORD_OVERHEAD_BYTES - PART_OVERHEAD_BYTES;
  const of = Math.ceil(value.length / size);
  return Array.from({ length: of }, (_, i) => ({
    key: null,
    value: value.subarray(i * size, (i + 1) * size),
    headers: { [PART_HEADER]: `${id} ${i + 1}/${of}` },
  }));
}

/** Name and value of the header. */
const PART_OVERHEAD_BYTES = 64;

/** @returns undefined for a message that is a whole record. */
export function partOf(headers: Readonly<Record<string, unknown>> | undefined): Part | undefined {
  const header = headers?.[PART_HEADER];
  const match = header === undefined ? null : /^(\S+) (\d+)\/(\d+)$/.exec(String(header));
  return match ? { id: match[1]!, number: Number(match[2]), of: Number(match[3]) } : undefined;
}

/** Where the first part of the record stands that a message is a part of. */
export function firstOffset({ offset, part }: FetchedRecord): number {
  return part ? Math.max(0, offset - part.number + 1) : offset;
}

/** Puts records together again. Given the same messages from any place before a record's first part, it says the same. */
export class PartJoiner {
  readonly #parts: FetchedRecord[] = [];

  /** The last message was a part, but not the last one. */
  get isOpen(): boolean {
    return this.#parts.length > 0;
  }

  /** @returns the record that is whole with this message, at the offset of its last part. */
  take(message: FetchedRecord): LogRecord | undefined {
    const { offset, part } = message;
    if (!part) {
      this.#parts.length = 0;
      return { offset, value: message.value ?? Buffer.alloc(0) };
    }
    if (!this.#follows(message, part)) this.#parts.length = 0;
    if (part.number !== this.#parts.length + 1) return undefined;
    this.#parts.push(message);
    if (part.number < part.of) return undefined;
    const value = Buffer.concat(this.#parts.map(({ value: bytes }) => bytes ?? Buffer.alloc(0)));
    this.#parts.length = 0;
    return { offset, value };
  }

  #follows({ offset }: FetchedRecord, { id, number, of }: Part): boolean {
    const before = this.#parts.at(-1);
    if (before?.part?.id !== id || before.part.of !== of) return false;
    return before.part.number === number - 1 && before.offset === offset - 1;
  }
}
