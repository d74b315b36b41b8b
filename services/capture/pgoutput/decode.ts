import { FerryError } from '../../../core/errors.js';
import type { Lsn } from '../../../core/lsn.js';
import type { RowOp } from '../../../core/record.js';
import type { Column, Relation, ReplicaIdentity } from '../../../core/relation.js';
import { skipTuple } from './tuple.js';

export interface BeginMessage {
  readonly tag: 'begin';
  /** LSN of the transaction's commit record. */
  readonly commitLsn: Lsn;
  /** Microseconds since 1970, UTC. */
  readonly commitTimeMicros: bigint;
  readonly xid: number;
}

export interface CommitMessage {
  readonly tag: 'commit';
  readonly commitLsn: Lsn;
  /** The first byte behind the transaction. */
  readonly commitEnd: Lsn;
}

export interface RelationMessage {
  readonly tag: 'relation';
  readonly relation: Relation;
}

/** A row change; tuples stay in the message's bytes, named by where they start. */
export interface RowMessage {
  readonly tag: 'row';
  readonly op: RowOp;
  readonly relation: number;
  /** The old key, when a delete or a key change carries it alone. */
  readonly keyAt: number;
  /** The whole old row, under replica identity full. */
  readonly oldAt: number;
  readonly newAt: number;
}

export interface TruncateMessage {
  readonly tag: 'truncate';
  readonly relations: readonly number[];
  readonly cascade: boolean;
  readonly restartIdentity: boolean;
}

export interface LogicalMessage {
  readonly tag: 'message';
  readonly transactional: boolean;
  readonly prefix: string;
  readonly content: string;
}

/** Origin and type messages: nothing that we need. */
export interface IgnoredMessage {
  readonly tag: 'ignored';
}

export type PgoutputMessage =
  | BeginMessage
  | CommitMessage
  | RelationMessage
  | RowMessage
  | TruncateMessage
  | LogicalMessage
  | IgnoredMessage;

/** Absent tuple. */
export const NONE = -1;

/** Where the old row starts, or its key alone; NONE when the change carries neither. */
export function oldTupleAt({ oldAt, keyAt }: RowMessage): number {
  return oldAt !== NONE ? oldAt : keyAt;
}

/**
 * Decodes one message of pgoutput, protocol version 1 with messages.
 * @see https://www.postgresql.org/docs/current/protocol-logicalrep-message-formats.html
 * @throws FerryError `protocol-violation` for a message that this version of the protocol does not have, or that is cut
 *   short; within a row's tuples only whoever reads them sees it.
 */
export function decode(message: Buffer): PgoutputMessage {
  try {
    return decodeByType(message);
  } catch (error) {
    // What a Buffer throws where it is read beyond its end.
    if (error instanceof RangeError) throw cutShort(message);
    throw error;
  }
}

function decodeByType(message: Buffer): PgoutputMessage {
  switch (message[0]) {
    case INSERT:
      return insert(message);
    case UPDATE:
      return update(message);
    case DELETE:
      return remove(message);
    case BEGIN:
      return {
        tag: 'begin',
        commitLsn: message.readBigUInt64BE(1) as Lsn,
        commitTimeMicros: message.readBigInt64BE(9) + MICROS_1970_TO_2000,
        xid: message.readUInt32BE(17),
      };
    case COMMIT:
      return {
        tag: 'commit',
        commitLsn: message.readBigUInt64BE(2) as Lsn,
        commitEnd: message.readBigUInt64BE(10) as Lsn,
      };
    case RELATION:
      return { tag: 'relation', relation: decodeRelation(message) };
    case TRUNCATE:
      return decodeTruncate(message);
    case MESSAGE:
      return decodeMessage(message);
    case ORIGIN:
    case TYPE:
      return { tag: 'ignored' };
    default:
      throw new FerryError('protocol-violation', `the source sent an unknown message of type ${message[0]}`);
  }
}

function row(op: RowOp, message: Buffer, keyAt: number, oldAt: number, newAt: number): RowMessage {
  return { tag: 'row', op, relation: message.readUInt32BE(1), keyAt, oldAt, newAt };
}

function insert(message: Buffer): RowMessage {
  if (message[5] !== LETTER_N) throw unknownTuple(message, 5);
  return row('c', message, NONE, NONE, 6);
}

function update(message: Buffer): RowMessage {
  const kind = message[5];
  if (kind === LETTER_N) return row('u', message, NONE, NONE, 6);
  if (kind !== LETTER_K && kind !== LETTER_O) throw unknownTuple(message, 5);
  const newAt = skipTuple(message, 6) + 1;
  if (message[newAt - 1] !== LETTER_N) throw unknownTuple(message, newAt - 1);
  return kind === LETTER_K ? row('u', message, 6, NONE, newAt) : row('u', message, NONE, 6, newAt);
}

function remove(message: Buffer): RowMessage {
  if (message[5] === LETTER_K) return row('d', message, 6, NONE, NONE);
  if (message[5] === LETTER_O) return row('d', message, NONE, 6, NONE);
  throw unknownTuple(message, 5);
}

function decodeRelation(message: Buffer): Relation {
  const id = message.readUInt32BE(1);
  const schema = cString(message, 5);
  const table = cString(message, schema.end);
  const identity = String.fromCharCode(message[table.end]!) as ReplicaIdentity;
  const count = message.readUInt16BE(table.end + 1);
  const columns: Column[] = [];
  let at = table.end + 3;
  for (let i = 0; i < count; i++) {
    const key = message[at] === 1;
    const name = cString(message, at + 1);
    columns.push({
      name: name.text,
      type: message.readUInt32BE(name.end),
      typmod: message.readInt32BE(name.end + 4),
      key,
    });
    at = name.end + 8;
  }
  // pgoutput writes an empty string for pg_catalog.
  return { id, schema: schema.text || 'pg_catalog', table: table.text, identity, columns };
}

function decodeTruncate(message: Buffer): TruncateMessage {
  const count = message.readUInt32BE(1);
  const options = message[5]!;
  const relations = Array.from({ length: count }, (_, index) => message.readUInt32BE(6 + index * 4));
  return { tag: 'truncate', relations, cascade: (options & 1) !== 0, restartIdentity: (options & 2) !== 0 };
}

function decodeMessage(message: Buffer): LogicalMessage {
  const prefix = cString(message, 10);
  const end = prefix.end + 4 + message.readUInt32BE(prefix.end);
  if (end > message.length) throw cutShort(message);
  return {
    tag: 'message',
    transactional: (message[1]! & 1) !== 0,
    prefix: prefix.text,
    content: message.toString('utf8', prefix.end + 4, end),
  };
}

function cString(message: Buffer, start: number): { text: string; end: number } {
  const nul = message.indexOf(0, start);
  if (nul < 0) throw cutShort(message);
  return { text: message.toString('utf8', start, nul), end: nul + 1 };
}

function unknownTuple(message: Buffer, at: number): FerryError {
  if (at >= message.length) return cutShort(message);
  return new FerryError('protocol-violation', `the source sent a row with a tuple of an unknown kind ${message[at]}`);
}

function cutShort(message: Buffer): FerryError {
  return new FerryError('protocol-violation', `the source sent a message of type ${message[0]} that is cut short`);
}

const INSERT = 0x49;
const UPDATE = 0x55;
const DELETE = 0x44;
const BEGIN = 0x42;
const COMMIT = 0x43;
const RELATION = 0x52;
const TRUNCATE = 0x54;
const MESSAGE = 0x4d;
const ORIGIN = 0x4f;
const TYPE = 0x59;
const LETTER_K = 0x4b;
const LETTER_N = 0x4e;
const LETTER_O = 0x4f;
const MICROS_1970_TO_2000 = 946_684_800_000_000n;
