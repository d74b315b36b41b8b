import type { ChunkMark } from '../../../core/record.js';
import type { QualifiedName, Relation } from '../../../core/relation.js';
import type { SnapshotXids } from './delivered-xids.js';

/** What a snapshot must know of a table. */
export interface TablePlan {
  readonly relation: Relation;
  /** Key columns in the order of the key's index; none where only all values together identify a row. */
  readonly key: readonly string[];
  /** What a row's partition is derived from: columns that every change and every row of a chunk carries. */
  readonly partitionKey: readonly string[];
  /** The merged tables that it is one of: their rows are all in one partition, whatever their keys are. */
  readonly group?: string;
  /** Their types, for a chunk's bounds. */
  readonly keyTypes: readonly KeyType[];
  /** The columns that the stream carries too: all but generated ones and those that the publication leaves out. */
  readonly columns: readonly string[];
  /** Rows are read through all partitions; without, from the table alone, whatever inherits from it. */
  readonly isPartitioned?: boolean;
  /** The one partition to read, whose rows are the table's. */
  readonly partition?: QualifiedName;
  /** The publication's row filter, as SQL. */
  readonly filter?: string;
}

/** How a key column is compared, in the order of its type. */
export interface KeyType {
  /** As SQL, without modifier; of a domain the type under it, because some operators do not know domains. */
  readonly sql: string;
  readonly isDomain: boolean;
  /** Operators; null where the plain ones mean those of this type. */
  readonly equal: string | null;
  readonly greater: string | null;
}

/** Rows of one chunk, as COPY wrote them. */
export interface Chunk {
  /** Whole lines in key order. */
  readonly text: Buffer;
  readonly rows: number;
  /** It ends before its range does, because its rows are larger than was expected. */
  readonly isCut?: boolean;
  /** How far the table is copied with it; undefined for rows that are read again. */
  readonly mark: ChunkMark | undefined;
  /** The snapshot that it was read in. */
  readonly snapshot: SnapshotXids;
}

/** A chunk as it goes into the log: without the rows that gave way to a change. */
export interface ReconciledChunk {
  readonly text: Buffer;
  readonly rows: number;
  readonly gaveWay: number;
}

/** Start offsets of the lines of COPY text, and the end. */
export function lineStarts(text: Buffer): number[] {
  const starts = [0];
  for (let at = text.indexOf(NEWLINE); at >= 0; at = text.indexOf(NEWLINE, at + 1)) starts.push(at + 1);
  return starts;
}

const NEWLINE = 0x0a;

/**
 * The relation as the log has it. Where only all values together identify a row, no column is a key: pgoutput calls all
 * of them one, as it does of every table whose replica identity is full.
 */
export function loggedRelation(relation: Relation, { key }: TablePlan): Relation {
  if (key.length > 0 && !hasLostKey(relation)) return relation;
  return { ...relation, columns: relation.columns.map((column) => ({ ...column, key: false })) };
}

/** Its primary key was dropped since its copy was planned: rows may be equal from then on. */
function hasLostKey({ identity, columns }: Relation): boolean {
  return identity === 'f' && columns.every(({ declared }) => declared && !declared.inKey);
}
