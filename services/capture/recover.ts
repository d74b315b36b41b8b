import { FerryError } from '../../core/errors.js';
import { addTo, type Tally } from '../../core/ledger.js';
import { formatLsn, LSN_ZERO, type Lsn, maxLsn, parseLsn } from '../../core/lsn.js';
import { isAfter, POSITION_ZERO, type Position } from '../../core/position.js';
import type { ChunkMark, RowLine, RowsLine, Tuple } from '../../core/record.js';
import { RecordScanner } from '../../core/record-scanner.js';
import { displayName } from '../../core/relation.js';
import { CAPTURE_STATE, type CaptureState, type TableSnapshotState } from '../../core/stage-state.js';
import type { EventLog } from '../../platform/event-log/port.js';
import { tallyTopic } from '../../platform/tally-topic.js';
import type { ResumePoint } from './raw-encoder.js';
import type { CaptureTallies } from './tallies.js';

/** Where capture goes on: read out of the raw topic, the control state only saves reading all of it. */
export interface Recovered {
  readonly resume: ResumePoint;
  /** The log has everything before this LSN; undefined for an empty log. */
  readonly loggedThrough: Lsn | undefined;
  readonly time: string | null;
  readonly nextOffset: number;
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
    rows: state.rows + rows,
    done: state.done || (mark?.final ?? false),
  };
}

/** @throws FerryError `log-foreign` when the raw topic is shorter than the state says. */
export async function recover(log: EventLog, topic: string): Promise<Recovered> {
  const state = (await log.control.get(CAPTURE_STATE)) as CaptureState | undefined;
  const from = state?.next[topic] ?? 0;
  const end = await log.endOffset({ topic, partition: 0 });
  if (end < from) {
    throw new FerryError('log-foreign', `the topic ${topic} ends at offset ${end}, but had ${from} records before`);
  }
  const captured: Tally = new Map(Object.entries(state?.captured ?? {}));
  const recovered: Recovering = {
    resume: { position: POSITION_ZERO, complete: true },
    loggedThrough: state && parseLsn(state.through),
    time: state?.time ?? null,
    nextOffset: from,
    tallies: {
      captured,
      deduplicated: new Map(Object.entries(state?.deduplicated ?? {})),
      read: new Map(),
    },
    tables: new Map(Object.entries(state?.tables ?? {})),
    moved: new Map(),
  };
  const { next, end: last } = await tallyTopic(log, topic, from, captured, (record, after) =>
    replay(record, after, recovered),
  );
  recovered.nextOffset = next;
  for (const [table, count] of recovered.tallies.captured) addTo(recovered.tallies.read, table, count);
  for (const [table, count] of recovered.tallies.deduplicated) addTo(recovered.tallies.read, table, count);
  if (!last) return recovered;
  recovered.resume = last;
  // Within a large transaction: everything before its commit record is in the log.
  if (!last.complete) recovered.loggedThrough = maxLsn(recovered.loggedThrough ?? LSN_ZERO, last.position.lsn);
  return recovered;
}

/** What recovering finds out on its way through the log. */
type Recovering = { -readonly [K in keyof Recovered]: Recovered[K] };

/** Takes what a record says; events up to `after` only repeat what was there before. */
function replay(record: Buffer, after: Position, recovered: Recovering): void {
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
      relations.set(line.relation, { name: displayName(line), columns: line.columns.map((column) => column.name) });
    } else if (isAfter({ lsn, index: scanner.index }, after)) {
      if (scanner.kind === 'commit') {
        recovered.loggedThrough = parseLsn(scanner.commit().end);
        recovered.time = time;
      } else if (scanner.kind === 'rows') {
        replayRows(scanner.rows(), relations.get(scanner.relation)!.name, recovered);
      } else if (scanner.kind === 'row' && scanner.op === 'u') {
        replayUpdate(scanner.row(), relations.get(scanner.relation)!, recovered);
      }
    }
  }
}

function replayRows(line: RowsLine, table: string, { tables }: Recovering): void {
  tables.set(table, afterChunk(tables.get(table) ?? NOT_STARTED, line.rows + (line.gaveWay ?? 0), line.chunk));
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
    nextOffset: number;
    through: Lsn;
    time: string | null;
    tallies: CaptureTallies;
    tables: ReadonlyMap<string, TableSnapshotState>;
  },
): CaptureState {
  return {
    next: { [topic]: done.nextOffset },
    through: formatLsn(done.through),
    time: done.time,
    read: Object.fromEntries(done.tallies.read),
    deduplicated: Object.fromEntries(done.tallies.deduplicated),
    captured: Object.fromEntries(done.tallies.captured),
    tables: Object.fromEntries(done.tables),
  };
}
