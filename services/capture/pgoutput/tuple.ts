import type { ByteWriter } from '../../../core/byte-writer.js';
import { FerryError } from '../../../core/errors.js';
import type { Tuple, Value } from '../../../core/record.js';

/**
 * Tuple data of pgoutput: a count of columns, then for each `n` (null), `u` (unchanged TOAST) or `t` with a length and
 * the value as text.
 * @see https://www.postgresql.org/docs/current/protocol-logicalrep-message-formats.html#PROTOCOL-LOGICALREP-MESSAGE-FORMATS-TupleData
 */

/**
 * @returns the offset behind the tuple that starts at `at`.
 * @throws FerryError `protocol-violation` when it is cut short or has a column of an unknown kind, as the others here.
 */
export function skipTuple(message: Buffer, at: number): number {
  const columns = columnCount(message, at);
  let offset = at + 2;
  for (let i = 0; i < columns; i++) offset = columnEnd(message, offset);
  return offset;
}

/**
 * Writes a tuple as a JSON array, from bytes to bytes.
 * @param oldAt of the old row or key: where it has a value that the new row calls unchanged, that value is written.
 * @returns true when an unchanged value was left (`false` in the array).
 */
export function writeTuple(out: ByteWriter, message: Buffer, at: number, oldAt = -1): boolean {
  const columns = columnCount(message, at);
  let offset = at + 2;
  let old = oldAt + 2;
  let hasUnchanged = false;
  out.byte(BRACKET_OPEN);
  for (let i = 0; i < columns; i++) {
    if (i > 0) out.byte(COMMA);
    const end = columnEnd(message, offset);
    const oldEnd = oldAt >= 0 ? columnEnd(message, old) : 0;
    const kind = message[offset];
    if (kind === TEXT) {
      out.jsonString(message, offset + 5, end);
    } else if (kind === NULL) {
      out.ascii('null');
    } else if (oldAt >= 0 && message[old] === TEXT) {
      out.jsonString(message, old + 5, oldEnd);
    } else {
      out.ascii('false');
      hasUnchanged = true;
    }
    offset = end;
    old = oldEnd;
  }
  out.byte(BRACKET_CLOSE);
  return hasUnchanged;
}

/**
 * Reads a tuple's values: for the few rows that must be looked into.
 * @returns false for an unchanged value, and for one of more than `maxBytes`.
 */
export function readTuple(message: Buffer, at: number, maxBytes = Number.POSITIVE_INFINITY): Tuple {
  const columns = columnCount(message, at);
  const values: Value[] = [];
  let offset = at + 2;
  for (let i = 0; i < columns; i++) {
    const end = columnEnd(message, offset);
    const kind = message[offset];
    const isText = kind === TEXT && end - offset - 5 <= maxBytes;
    values.push(isText ? message.toString('utf8', offset + 5, end) : kind === NULL ? null : false);
    offset = end;
  }
  return values;
}

/** Reads some of a tuple's values, in the order asked for, as {@link readTuple} does. */
export function readColumns(message: Buffer, at: number, indexes: readonly number[], maxBytes: number): Tuple {
  const values = readTuple(message, at, maxBytes);
  return indexes.map((index) => values[index] ?? null);
}

function columnCount(message: Buffer, at: number): number {
  if (at + 2 > message.length) throw cutShort();
  return message.readUInt16BE(at);
}

/** @returns the offset behind the column that starts at `at`. */
function columnEnd(message: Buffer, at: number): number {
  const kind = message[at];
  if (kind === TEXT) {
    const end = at + 5 <= message.length ? at + 5 + message.readUInt32BE(at + 1) : Number.POSITIVE_INFINITY;
    if (end > message.length) throw cutShort();
    return end;
  }
  if (kind === NULL || kind === UNCHANGED) return at + 1;
  if (kind === undefined) throw cutShort();
  throw new FerryError('protocol-violation', `the source sent a column of an unknown kind ${kind}`);
}

function cutShort(): FerryError {
  return new FerryError('protocol-violation', 'the source sent a row that is cut short');
}

const TEXT = 0x74;
const NULL = 0x6e;
const UNCHANGED = 0x75;
const COMMA = 0x2c;
const BRACKET_OPEN = 0x5b;
const BRACKET_CLOSE = 0x5d;
