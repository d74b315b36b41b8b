import { FerryError } from '../../core/errors.js';
import { addTo, type Tally } from '../../core/ledger.js';
import { formatLsn, LSN_ZERO, type Lsn, maxLsn, parseLsn } from '../../core/lsn.js';
import { isAfter, POSITION_ZERO, type Position } from '../../core/position.js';
import type { ChunkMark, RowLine, RowsLine, Tuple } from '../../core/record.js';
import { RecordScanner } from '../../core/record-scanner.js';
import { sourceName } from '../../core/relation.js';
import {
  CAPTURE_STATE,
  type CaptureState,
  type SourceIdentity,
  type TableSnapshotState,
} from '../../core/stage-state.js';
import { partitionName } from '../../core/topics.js';
import type { EventLog, TopicPartition } from '../../platform/event-log/port.js';
import { tallyPartition } from '../../platform/tally-partition.js';
import type { ResumePoint } from './raw-output.js';
import type { CaptureTallies } from './tallies.js';

/** Where capture goes on: read out of the raw topic, the control state only saves reading all of it. */
export interface Recovered {
  /** By partition. */
  readonly resume: readonly ResumePoint[];
  /** The log has everything before this LSN; undefined for an empty log. */
  readonly loggedThrough: Lsn | undefined;
  readonly time: string | null;
  /** The server that the log was captured from. */
  readonly source: SourceIdentity | undefined;
  /** By partition. */
  readonly nextOffsets: readonly number[];
  readonly tallies: CaptureTallies;
  readonly tables: Map<string, TableSnapshotState>;
  /** By table: rows whose key changed without their TOAST values since the state was put down. */
  readonly moved: Map<string, MovedRow[]>;
}

export interface MovedRow {
  readonly columns: readonly string[];
  readonly row: Tuple;
}

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

/** @throws FerryError `log-foreign` when the raw topic is shorter than the state says. */
export async function recover(log: EventLog, topic: string, partitions: number): Promise<Recovered> {
  const state = (await log.control.get(CAPTURE_STATE)) as CaptureState | undefined;
  const captured: Tally = new Map(Object.entries(state?.captured ?? {}));
  const recovered: Recovering = {
    resume: [],
    loggedThrough: state && parseLsn(state.through),
    time: state?.time ?? null,
    source: state?.source,
    nextOffsets: [],
    tallies: {
      captured,
      deduplicated: new Map(Object.entries(state?.deduplicated ?? {})),
      read: new Map(),
    },
    tables: new Map(Object.entries(state?.tables ?? {})),
    moved: new Map(),
  };
  const marks: Map<string, PlacedMark>[] = [];
  for (let partition = 0; partition < partitions; partition++) {
    marks[partition] = await recoverPartition(log, { topic, partition }, state, recovered);
  }
  takeMarks(marks, recovered.tables);
  for (const [table, count] of recovered.tallies.captured) addTo(recovered.tallies.read, table, count);
  for (const [table, count] of recovered.tallies.deduplicated) addTo(recovered.tallies.read, table, count);
  return recovered;
}

/** What recovering finds out on its way through the log. */
type Recovering = { -readonly [K in keyof Recovered]: Recovered[K] } & {
  resume: ResumePoint[];
  nextOffsets: number[];
};

/** A chunk's mark, with the transaction that it came in. */
interface PlacedMark {
  readonly lsn: Lsn;
  readonly mark: ChunkMark;
}

/** @returns the last mark of each table that the partition has since the state was put down. */
async function recoverPartition(
  log: EventLog,
  at: TopicPartition,
  state: CaptureState | undefined,
  recovered: Recovering,
): Promise<Map<string, PlacedMark>> {
  const from = state?.next[partitionName(at)] ?? 0;
  const length = await log.endOffset(at);
  if (length < from) {
    throw new FerryError(
      'log-foreign',
      `${partitionName(at)} ends at offset ${length}, but had ${from} records before`,
    );
  }
  const marks = new Map<string, PlacedMark>();
  const { next, end } = await tallyPartition(log, at, from, recovered.tallies.captured, (record, after) =>
    replay(record, after, recovered, marks),
  );
  recovered.nextOffsets[at.partition] = next;
  recovered.resume[at.partition] = end ?? { position: POSITION_ZERO, complete: true };
  // Within a large transaction: everything before its commit record is in the log.
  if (end && !end.complete) recovered.loggedThrough = maxLsn(recovered.loggedThrough ?? LSN_ZERO, end.position.lsn);
  return marks;
}

/** A chunk counts once every partition has its part: the copy goes on behind the last of those. */
function takeMarks(marks: readonly Map<string, PlacedMark>[], tables: Map<string, TableSnapshotState>): void {
  for (const table of marks[0]!.keys()) {
    const last = marks.map((partition) => partition.get(table));
    if (last.includes(undefined)) continue;
    const { mark } = last.reduce((lowest, placed) => (placed!.lsn < lowest!.lsn ? placed : lowest))!;
    tables.set(table, afterChunk(tables.get(table) ?? NOT_STARTED, 0, mark));
  }
}

/** Takes what a record says; events up to `after` only repeat what was there before. */
function replay(record: Buffer, after: Position, recovered: Recovering, marks: Map<string, PlacedMark>): void {
  const relations = new Map<number, { name: string; columns: readonly string[] }>();
  const scanner = new RecordScanner(record);
  let lsn = LSN_ZERO;
  let time = recovered.time;
  while (scanner.next()) {
    if (scanner.kind === 'transaction') {
      const line = scanner.transaction();
      lsn = parseLsn(line.tx);
      time = line.time;
    } else if (scanner.kind === 'relation') {
      const line = scanner.relationLine();
      relations.set(line.relation, { name: sourceName(line), columns: line.columns.map((column) => column.name) });
    } else if (isAfter({ lsn, index: scanner.index }, after)) {
      if (scanner.kind === 'commit') {
        replayCommit(parseLsn(scanner.commit().end), time, recovered);
      } else if (scanner.kind === 'rows') {
        replayRows(scanner.rows(), lsn, relations.get(scanner.relation)!.name, recovered, marks);
      } else if (scanner.kind === 'row' && scanner.op === 'u') {
        replayUpdate(scanner.row(), relations.get(scanner.relation)!, recovered);
      }
    }
  }
}

function replayCommit(end: Lsn, time: string | null, recovered: Recovering): void {
  // Another partition may have come further.
  if (recovered.loggedThrough !== undefined && end < recovered.loggedThrough) return;
  recovered.loggedThrough = end;
  recovered.time = time;
}

function replayRows(
  line: RowsLine,
  lsn: Lsn,
  table: string,
  { tables }: Recovering,
  marks: Map<string, PlacedMark>,
): void {
  tables.set(table, afterChunk(tables.get(table) ?? NOT_STARTED, line.rows + (line.gaveWay ?? 0), undefined));
  if (line.chunk) marks.set(table, { lsn, mark: line.chunk });
}

function replayUpdate(
  row: RowLine,
  { name, columns }: { name: string; columns: readonly string[] },
  { moved }: Recovering,
): void {
  if (!row.key || !row.new!.includes(false)) return;
  moved.set(name, [...(moved.get(name) ?? []), { columns, row: row.new! }]);
}

/** What is put down for the next start. */
export function captureState(
  topic: string,
  done: {
    nextOffsets: readonly number[];
    through: Lsn;
    time: string | null;
    tallies: CaptureTallies;
    tables: ReadonlyMap<string, TableSnapshotState>;
    source?: SourceIdentity | undefined;
  },
): CaptureState {
  return {
    next: Object.fromEntries(
      done.nextOffsets.map((offset, partition) => [partitionName({ topic, partition }), offset]),
    ),
    through: formatLsn(done.through),
    time: done.time,
    read: Object.fromEntries(done.tallies.read),
    deduplicated: Object.fromEntries(done.tallies.deduplicated),
    captured: Object.fromEntries(done.tallies.captured),
    tables: Object.fromEntries(done.tables),
    ...(done.source ? { source: done.source } : {}),
  };
}
