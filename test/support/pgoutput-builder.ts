import type { Lsn } from '../../core/lsn.js';
import type { Tuple } from '../../core/record.js';
import type { Relation } from '../../core/relation.js';

/**
 * Messages of pgoutput, protocol version 1, as the walsender writes them.
 * @see https://www.postgresql.org/docs/current/protocol-logicalrep-message-formats.html
 */

const MICROS_1970_TO_2000 = 946_684_800_000_000n;

export interface Transaction {
  /** LSN of the commit record. */
  readonly commitLsn: Lsn;
  /** The first byte behind it; 0x30 bytes on when absent. */
  readonly commitEnd?: Lsn;
  readonly xid?: number;
  /** Microseconds since 1970. */
  readonly commitTimeMicros?: bigint;
}

export function commitEndOf(transaction: Transaction): Lsn {
  return transaction.commitEnd ?? ((transaction.commitLsn + 0x30n) as Lsn);
}

export function begin({ commitLsn, commitTimeMicros = MICROS_1970_TO_2000, xid = 700 }: Transaction): Buffer {
  return Buffer.concat([text('B'), int64(commitLsn), int64(commitTimeMicros - MICROS_1970_TO_2000), int32(xid)]);
}

export function commit(transaction: Transaction): Buffer {
  const { commitLsn, commitTimeMicros = MICROS_1970_TO_2000 } = transaction;
  return Buffer.concat([
    text('C'),
    int8(0),
    int64(commitLsn),
    int64(commitEndOf(transaction)),
    int64(commitTimeMicros - MICROS_1970_TO_2000),
  ]);
}

/** A whole transaction: begin, the messages, commit. */
export function transaction(of: Transaction, ...messages: readonly Buffer[]): Buffer[] {
  return [begin(of), ...messages, commit(of)];
}

export function relation({ id, schema, table, identity, columns }: Relation): Buffer {
  return Buffer.concat([
    text('R'),
    int32(id),
    // The server writes its own schema as an empty string.
    cString(schema === 'pg_catalog' ? '' : schema),
    cString(table),
    text(identity),
    int16(columns.length),
    ...columns.flatMap((column) => [
      int8(column.key ? 1 : 0),
      cString(column.name),
      int32(column.type),
      int32(column.typmod),
    ]),
  ]);
}

export function insert(relationId: number, row: Tuple): Buffer {
  return Buffer.concat([text('I'), int32(relationId), text('N'), tuple(row)]);
}

/** @param before the old key when it changed, or the whole old row under replica identity full. */
export function update(relationId: number, row: Tuple, before: { key?: Tuple; old?: Tuple } = {}): Buffer {
  return Buffer.concat([text('U'), int32(relationId), ...oldTuple(before), text('N'), tuple(row)]);
}

export function remove(relationId: number, before: { key: Tuple } | { old: Tuple }): Buffer {
  return Buffer.concat([text('D'), int32(relationId), ...oldTuple(before)]);
}

export function truncate(
  relationIds: readonly number[],
  { cascade = false, restartIdentity = false }: { cascade?: boolean; restartIdentity?: boolean } = {},
): Buffer {
  const options = (cascade ? 1 : 0) | (restartIdentity ? 2 : 0);
  return Buffer.concat([text('T'), int32(relationIds.length), int8(options), ...relationIds.map(int32)]);
}

export function message(prefix: string, content = '', { transactional = true } = {}): Buffer {
  const bytes = Buffer.from(content);
  return Buffer.concat([
    text('M'),
    int8(transactional ? 1 : 0),
    int64(1n),
    cString(prefix),
    int32(bytes.length),
    bytes,
  ]);
}

export function origin(name: string): Buffer {
  return Buffer.concat([text('O'), int64(1n), cString(name)]);
}

export function type(id: number, schema: string, name: string): Buffer {
  return Buffer.concat([text('Y'), int32(id), cString(schema), cString(name)]);
}

/** TupleData: `n` for null, `u` for false (an unchanged TOAST value), `t` with length and text otherwise. */
export function tuple(row: Tuple): Buffer {
  return Buffer.concat([
    int16(row.length),
    ...row.flatMap((value) => {
      if (value === null) return [text('n')];
      if (value === false) return [text('u')];
      const bytes = Buffer.from(value);
      return [text('t'), int32(bytes.length), bytes];
    }),
  ]);
}

function oldTuple({ key, old }: { key?: Tuple; old?: Tuple }): Buffer[] {
  if (key) return [text('K'), tuple(key)];
  return old ? [text('O'), tuple(old)] : [];
}

const text = (value: string) => Buffer.from(value, 'utf8');
const cString = (value: string) => Buffer.from(`${value}\0`, 'utf8');

function int8(value: number): Buffer {
  return Buffer.from([value]);
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value | 0);
  return bytes;
}

function int64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(BigInt.asIntN(64, value));
  return bytes;
}
