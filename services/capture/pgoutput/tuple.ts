import type { ByteWriter } from '../../../core/byte-writer.js';
import { FerryError } from '../../../core/errors.js';
import type { Tuple, Value } from '../../../core/record.js';

/**
 * Tuple data of pgoutput: a count of columns, then for each `n` (null), `u` (unchanged TOAST) or `t` with a length and
 * the value as text.
 * @see https://www.postgresql.org/docs/current/protocol-logicalrep-message-formats.html#PROTOCOL-LOGICALREP-MESSAGE-FORMATS-TupleData
 */

/** @returns the offset behind the tuple that starts at `at`. */
export function skipTuple(message: Buffer, at: number): number {
  const columns = message.readUInt16BE(at);
  let offset = at + 2;
  for (let i = 0; i < columns; i++) {
    offset += message[offset] === TEXT ? 5 + message.readUInt32BE(offset + 1) : 1;
  }
  return offset;
}

/**
 * Writes a tuple as a JSON array, from bytes to bytes.
 * @param oldAt of the whole old row (replica identity full): it has the values that the new row calls unchanged.
 * @returns true when an unchanged value was left (`false` in the array).
 */
export function writeTuple(out: ByteWriter, message: Buffer, at: number, oldAt = -1): boolean {
  const columns = message.readUInt16BE(at);
  let offset = at + 2;
  let old = oldAt + 2;
  let hasUnchanged = false;
  out.byte(BRACKET_OPEN);
  for (let i = 0; i < columns; i++) {
    if (i > 0) out.byte(COMMA);
    const kind = message[offset];
    if (kind === TEXT) {
      const length = message.readUInt32BE(offset + 1);
      out.jsonString(message, offset + 5, offset + 5 + length);
      offset += 5 + length;
    } else if (kind === NULL) {
      out.ascii('null');
      offset += 1;
    } else if (kind === UNCHANGED) {
      if (oldAt >= 0 && message[old] === TEXT) {
        out.jsonString(message, old + 5, old + 5 + message.readUInt32BE(old + 1));
      } else {
        out.ascii('false');
        hasUnchanged = true;
      }
      offset += 1;
    } else {
      throw new FerryError('protocol-violation', `the source sent a column of an unknown kind ${kind}`);
    }
    if (oldAt >= 0) old += message[old] === TEXT ? 5 + message.readUInt32BE(old + 1) : 1;
  }
  out.byte(BRACKET_CLOSE);
  return hasUnchanged;
}

/** Reads a tuple's values: for the few rows that a snapshot's window must look into. */
export function readTuple(message: Buffer, at: number): Tuple {
  const columns = message.readUInt16BE(at);
  const values: Value[] = [];
  let offset = at + 2;
  for (let i = 0; i < columns; i++) {
    const kind = message[offset];
    if (kind === TEXT) {
      const end = offset + 5 + message.readUInt32BE(offset + 1);
      values.push(message.toString('utf8', offset + 5, end));
      offset = end;
    } else {
      values.push(kind === NULL ? null : false);
      offset += 1;
    }
  }
  return values;
}

const TEXT = 0x74;
const NULL = 0x6e;
const UNCHANGED = 0x75;
const COMMA = 0x2c;
const BRACKET_OPEN = 0x5b;
const BRACKET_CLOSE = 0x5d;
