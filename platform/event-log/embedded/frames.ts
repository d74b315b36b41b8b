import { crc32 } from 'node:zlib';

/**
 * A partition's file is a sequence of frames, each written by an append of its own or with its neighbours, and none ever
 * changed. All numbers are little-endian.
 *
 * | bytes | what it is |
 * |---|---|
 * | 4 | MAGIC |
 * | 4 | the kind of frame |
 * | 8 | its number (see {@link Frame}) |
 * | 4 | the length of the body |
 * | 4 | which one of its append's records it is |
 * | 4 | who wrote it: told from others by chance |
 * | 4 | CRC-32 of all but itself |
 * | n | body |
 */
export const HEADER_BYTES = 32;

/** No text holds such bytes: a search for a frame seldom stops elsewhere. */
const MAGIC = Buffer.from([0xff, 0xfe, 0xf0, 0xd1]);
const CRC_AT = 28;

/**
 * - `record`: the `index`th of its append. It counts when `number` is how many records stand before it, and the one
 *   before it in its append counts; it is void otherwise: another writer was there.
 * - `durable`: all bytes before the position `number` are on disk; `records` stand before it.
 * - `torn`: what stands at the position `number` was cut off in the middle; the file goes on behind this frame.
 */
export type Frame = { readonly writer: number; readonly end: number } & (
  | { readonly kind: 'record'; readonly number: number; readonly index: number; readonly body: Buffer }
  | { readonly kind: 'durable'; readonly number: number; readonly records: number }
  | { readonly kind: 'torn'; readonly number: number }
);

const KINDS = ['record', 'durable', 'torn'] as const;

/** @param first the offset of the append's first record. */
export function recordFrames(first: number, bodies: readonly Buffer[], writer: number): Buffer[] {
  return bodies.map((body, index) => frame('record', first + index, body, writer, index));
}

export function durableFrame(position: number, records: number, writer: number): Buffer {
  const body = Buffer.alloc(8);
  body.writeBigUInt64LE(BigInt(records));
  return frame('durable', position, body, writer);
}

export function tornFrame(position: number, writer: number): Buffer {
  return frame('torn', position, Buffer.alloc(0), writer);
}

function frame(kind: Frame['kind'], number: number, body: Buffer, writer: number, index = 0): Buffer {
  const bytes = Buffer.allocUnsafe(HEADER_BYTES + body.length);
  MAGIC.copy(bytes);
  bytes.writeUInt32LE(KINDS.indexOf(kind), 4);
  bytes.writeBigUInt64LE(BigInt(number), 8);
  bytes.writeUInt32LE(body.length, 16);
  bytes.writeUInt32LE(index, 20);
  bytes.writeUInt32LE(writer, 24);
  body.copy(bytes, HEADER_BYTES);
  bytes.writeUInt32LE(checksum(bytes, 0, bytes.length), CRC_AT);
  return bytes;
}

function checksum(bytes: Buffer, start: number, end: number): number {
  return crc32(bytes.subarray(start + HEADER_BYTES, end), crc32(bytes.subarray(start, start + CRC_AT)));
}

/**
 * The length of the frame that begins at `at`, as its header says; undefined where no header begins. The header must be
 * within the bytes.
 */
export function frameLength(bytes: Buffer, at: number): number | undefined {
  if (MAGIC.compare(bytes, at, at + MAGIC.length) !== 0) return undefined;
  return HEADER_BYTES + bytes.readUInt32LE(at + 16);
}

/** Reads the frame at `at`, which must be within the bytes to its end. @returns undefined when it is damaged. */
export function readFrame(bytes: Buffer, at: number, length: number): Frame | undefined {
  if (checksum(bytes, at, at + length) !== bytes.readUInt32LE(at + CRC_AT)) return undefined;
  const kind = KINDS[bytes.readUInt32LE(at + 4)];
  const number = Number(bytes.readBigUInt64LE(at + 8));
  const common = { number, writer: bytes.readUInt32LE(at + 24), end: at + length };
  const body = bytes.subarray(at + HEADER_BYTES, at + length);
  if (kind === 'record') return { kind, ...common, index: bytes.readUInt32LE(at + 20), body };
  if (kind === 'durable') return { kind, ...common, records: Number(body.readBigUInt64LE()) };
  return kind && { kind, ...common };
}

/** The next place from `from` on where a frame may begin; -1 for none. */
export function findMagic(bytes: Buffer, from: number): number {
  return bytes.indexOf(MAGIC, from);
}
