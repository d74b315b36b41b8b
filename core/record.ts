import type { PositionJson } from './position.js';
import type { Relation } from './relation.js';

/**
 * The record: what one message of a topic holds. It is text, one JSON object a line, readable with kcat:
 *
 *     {"ferry":1,"first":["0/16B3748",0],"last":["0/16B3748",2],"complete":true}
 *     {"tx":"0/16B3748","xid":742,"time":"2026-01-31T12:00:00.123456Z"}
 *     {"relation":16385,"schema":"public","table":"users","identity":"d","columns":[{"name":"id",...}]}
 *     {"rel":16385,"ix":0,"op":"c","new":["1","Ada",null]}
 *     {"rel":16385,"ix":1,"op":"u","key":["7",null,null],"new":["1",false,"x"]}
 *     {"commit":"0/16B3748","ix":2,"end":"0/16B3778"}
 *
 * Values are PostgreSQL's own text, null, or `false` for a TOAST value that the WAL does not carry (unchanged).
 * A snapshot's rows follow their line as `bytes` bytes of COPY text, untouched from server to server:
 *
 *     {"rel":16385,"ix":1,"op":"r","rows":2,"bytes":14,"columns":["id","name"],"chunk":{...}}
 *     1<TAB>Ada
 *     2<TAB>Bob
 *
 * With several partitions, an event that no single one can hold has `"everywhere":true` behind its `op` and stands in all.
 *
 * A change of a table that goes to several tables of one domain schema stands in its topic once for each, the others
 * behind the first: `ix` and `rel` tell them apart.
 *
 * The order of the members that the scanner reads is fixed: `rel`, `ix`, `op`. Every record is whole in itself: it
 * opens with the transaction that it continues and repeats the relations that its rows use, so that a reader may
 * begin anywhere. Several transactions may share a record and a transaction may span records.
 */
export const RECORD_VERSION = 1;

export interface RecordHeader {
  readonly ferry: typeof RECORD_VERSION;
  readonly first: PositionJson;
  readonly last: PositionJson;
  /** True when the last line is a commit: a reader may stop here and have seen whole transactions only. */
  readonly complete: boolean;
}

export interface TransactionLine {
  /** LSN of the commit record. */
  readonly tx: string;
  readonly xid: number;
  /** Commit time at the source, ISO 8601 with microseconds. */
  readonly time: string;
}

export interface RelationLine {
  readonly relation: number;
  readonly schema: string;
  readonly table: string;
  readonly identity: Relation['identity'];
  readonly columns: Relation['columns'];
  readonly source?: string;
  readonly called?: string;
}

/** PostgreSQL's text, null, or false for an unchanged TOAST value. */
export type Value = string | null | false;
export type Tuple = readonly Value[];

/** create, update, delete */
export type RowOp = 'c' | 'u' | 'd';

export interface RowLine {
  readonly rel: number;
  readonly ix: number;
  readonly op: RowOp;
  /** The new row; absent for a delete. */
  readonly new?: Tuple;
  /** The old key, null outside the key columns: of a delete, or of an update that changed the key. */
  readonly key?: Tuple;
  /** The whole old row, where replica identity is full. */
  readonly old?: Tuple;
  /** Every partition of the topic has this event: it is applied once, when all have come to it. */
  readonly everywhere?: true;
}

/** Where a snapshot chunk stands; the last block of a chunk carries it, so that a restart resumes behind it. */
export interface ChunkMark {
  /** Key of the row that it begins behind; null for the first chunk, absent for what has no chunks. */
  readonly after?: readonly string[] | null;
  /** Key of the chunk's last row as text, in key order; absent for an empty chunk. */
  readonly upTo?: readonly string[];
  /** Nothing is left of the table after this chunk. */
  readonly final: boolean;
  /** Of a table that was copied as a whole: which changes the copy has already. */
  readonly seen?: SeenChanges;
}

/** The transactions that a snapshot had seen. */
export interface SeenChanges {
  /** As `pg_current_snapshot()` says it. */
  readonly snapshot: string;
  /** None of them ends behind this LSN. */
  readonly until: string;
}

export interface RowsLine {
  readonly rel: number;
  readonly ix: number;
  readonly op: 'r';
  /** Rows in the COPY text that follows. */
  readonly rows: number;
  /** Rows of the chunk that gave way to a change in the stream. */
  readonly gaveWay?: number;
  /** Length of the COPY text that follows this line. */
  readonly bytes: number;
  readonly columns: readonly string[];
  readonly chunk?: ChunkMark;
}

export interface TruncateLine {
  readonly rel: 0;
  readonly ix: number;
  readonly op: 't';
  readonly relations: readonly number[];
  readonly cascade: boolean;
  readonly restartIdentity: boolean;
  /** Nobody truncated the one table at the source: it is copied again, and its rows come from here on. */
  readonly beginsSnapshot?: true;
  /** As of a row; absent where the topic has one partition. */
  readonly everywhere?: true;
}

export interface CommitLine {
  readonly commit: string;
  readonly ix: number;
  /** The first LSN behind the transaction: what is acknowledged to the source, and what lag is measured from. */
  readonly end: string;
}

export interface MessageLine {
  readonly message: string;
  readonly ix: number;
  readonly content: string;
}

/** Prefixes of the messages that we write into the source's WAL with `pg_logical_emit_message`. */
export const MESSAGE = {
  heartbeat: 'ferry:heartbeat',
  marker: 'ferry:marker',
  hold: 'ferry:hold',
  low: 'ferry:low',
  high: 'ferry:high',
  resnapshot: 'ferry:resnapshot',
  turn: 'ferry:turn',
  origin: 'ferry:origin',
  repair: 'ferry:repair',
} as const;

export function relationToLine({ id, schema, table, source, called, identity, columns }: Relation): RelationLine {
  return {
    relation: id,
    schema,
    table,
    ...(source === undefined ? {} : { source }),
    ...(called === undefined ? {} : { called }),
    identity,
    columns,
  };
}

export function relationFromLine({ relation, ...rest }: RelationLine): Relation {
  return { id: relation, ...rest };
}
