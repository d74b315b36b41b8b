import { isDeepStrictEqual } from 'node:util';
import type { Lsn } from '../../core/lsn.js';
import { isAfter, type Position } from '../../core/position.js';
import type { ChunkMark, RowLine, RowsLine, Tuple } from '../../core/record.js';
import type { KnownPartition, TableSnapshotState } from '../../core/stage-state.js';

export const NOT_STARTED: TableSnapshotState = { rows: 0, done: false, rereads: [] };

/**
 * The state after a chunk stands in the log.
 * @param rows that were read, those that gave way to a change included.
 */
export function afterChunk(state: TableSnapshotState, rows: number, mark: ChunkMark | undefined): TableSnapshotState {
  return {
    ...state,
    ...(mark?.upTo ? { upTo: mark.upTo } : {}),
    ...(mark?.seen ? { seen: mark.seen } : {}),
    rows: state.rows + rows,
    done: state.done || (mark?.final ?? false),
  };
}

/** The state of a table that is copied again. Which partitions it had is known as before: what has joined them since may be in no chunk. */
export function startedAgain({ oid, group, partitions }: TableSnapshotState): TableSnapshotState {
  const again = { ...NOT_STARTED, ...(oid === undefined ? {} : { oid }), ...(group === undefined ? {} : { group }) };
  if (!partitions) return again;
  return { ...again, partitions: withoutFiles(partitions, { mayBeGone: true }) };
}

/** The state of a table that the source has truncated: its partitions, if it has any, have other files since. */
export function truncated(state: TableSnapshotState): TableSnapshotState {
  return state.partitions ? { ...state, partitions: withoutFiles(state.partitions, {}) } : state;
}

function withoutFiles(
  partitions: NonNullable<TableSnapshotState['partitions']>,
  also: Pick<KnownPartition, 'mayBeGone'>,
): NonNullable<TableSnapshotState['partitions']> {
  return Object.fromEntries(Object.entries(partitions).map(([oid, { name }]) => [oid, { name, ...also }]));
}

export interface MovedRow {
  readonly columns: readonly string[];
  readonly row: Tuple;
}

/** What one partition's records say of a table's snapshot, since the state was put down or the snapshot began again. */
interface TablePart {
  /** Where it began again. */
  begins: Position | undefined;
  rows: number;
  /** The chunks that end in this partition, by the transaction that they came in, in their order. */
  readonly chunks: Map<Lsn, ChunkMark>;
  /** Rows whose key changed without their TOAST values. */
  moved: MovedRow[];
}

const nothing = (begins?: Position): TablePart => ({ begins, rows: 0, chunks: new Map(), moved: [] });

/** Collects, for each partition of the raw topic, what its records say of the tables' snapshots. Pure. */
export class SnapshotParts {
  readonly #parts: Map<string, TablePart>[];
  readonly #truncated = new Set<string>();

  constructor(partitions: number) {
    this.#parts = Array.from({ length: partitions }, () => new Map());
  }

  rows(partition: number, table: string, line: RowsLine, lsn: Lsn): void {
    const part = this.#part(partition, table);
    part.rows += line.rows + (line.gaveWay ?? 0);
    if (line.chunk) part.chunks.set(lsn, line.chunk);
  }

  updated(partition: number, table: string, row: RowLine, columns: readonly string[]): void {
    if (!row.key || !row.new!.includes(false)) return;
    this.#part(partition, table).moved.push({ columns, row: row.new! });
  }

  truncated(table: string): void {
    this.#truncated.add(table);
  }

  /** What the partition has said of the table's snapshot before is not part of it any more. */
  began(partition: number, table: string, position: Position): void {
    this.#parts[partition]!.set(table, nothing(position));
  }

  /**
   * Moves the states on, and says which rows moved. A partition that does not have a snapshot's beginning has nothing of
   * it: they are appended in the stream's order.
   */
  take(tables: Map<string, TableSnapshotState>, moved: Map<string, MovedRow[]>): void {
    for (const table of new Set(this.#parts.flatMap((parts) => [...parts.keys()]))) {
      const parts = this.#parts.map((partition) => partition.get(table) ?? nothing());
      const begins = parts.reduce<Position | undefined>(
        (last, part) => (part.begins && (!last || isAfter(part.begins, last)) ? part.begins : last),
        undefined,
      );
      const ours = parts.map((part) => (isSame(part.begins, begins) ? part : nothing()));
      const before = tables.get(table) ?? NOT_STARTED;
      const rows = ours.reduce((sum, part) => sum + part.rows, 0);
      const marks = wholeChunks(ours);
      if (begins || rows > 0 || marks.length > 0) {
        const state = begins ? startedAgain(before) : before;
        tables.set(table, marks.reduce(afterNext, { ...state, rows: state.rows + rows }));
      }
      const rowsMoved = ours.flatMap((part) => part.moved);
      if (rowsMoved.length > 0) moved.set(table, rowsMoved);
    }
    for (const [table, state] of tables) if (this.#truncated.has(table)) tables.set(table, truncated(state));
  }

  #part(partition: number, table: string): TablePart {
    const parts = this.#parts[partition]!;
    const found = parts.get(table) ?? nothing();
    parts.set(table, found);
    return found;
  }
}

/** A chunk counts once every partition has its part. */
function wholeChunks(parts: readonly TablePart[]): ChunkMark[] {
  const [first, ...others] = parts;
  return [...first!.chunks].flatMap(([lsn, mark]) => (others.every(({ chunks }) => chunks.has(lsn)) ? [mark] : []));
}

/**
 * The copy goes on behind a chunk that follows on what is copied. One that does not is of a process that was replaced and
 * appended late: of what it copied before, all that stands below the end of the log is no part of it.
 */
function afterNext(state: TableSnapshotState, mark: ChunkMark): TableSnapshotState {
  const follows = mark.after === undefined || isDeepStrictEqual(mark.after, state.upTo ?? null);
  return follows ? afterChunk(state, 0, mark) : state;
}

function isSame(one: Position | undefined, other: Position | undefined): boolean {
  return one?.lsn === other?.lsn && one?.index === other?.index;
}
