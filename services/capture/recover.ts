import { FerryError } from '../../core/errors.js';
import { addTo, type Tally, tallyRecord } from '../../core/ledger.js';
import { formatLsn, LSN_ZERO, type Lsn, parseLsn } from '../../core/lsn.js';
import { POSITION_ZERO } from '../../core/position.js';
import type { ChunkMark, Tuple } from '../../core/record.js';
import { RecordScanner, readSpan } from '../../core/record-scanner.js';
import { displayName } from '../../core/relation.js';
import { CAPTURE_STATE, type CaptureState, type TableSnapshotState } from '../../core/stage-state.js';
import type { EventLog } from '../../platform/event-log/port.js';
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
  const read: Tally = new Map(Object.entries(state?.captured ?? {}));
  const recovered: Recovered & { time: string | null; nextOffset: number } = {
    resume: { position: POSITION_ZERO, complete: true },
    loggedThrough: undefined,
    time: state?.time ?? null,
    nextOffset: from,
    tallies: {
      captured: read,
      deduplicated: new Map(Object.entries(state?.deduplicated ?? {})),
      read: new Map(),
    },
    tables: new Map(Object.entries(state?.tables ?? {})),
    moved: new Map(),
  };
  for (let offset = from; ; ) {
    const records = await log.read({ topic, partition: 0, offset }, { maxBytes: 4 * 1024 * 1024, waitMs: 0 });
    if (records.length === 0) break;
    for (const { value } of records) replay(value, recovered);
    offset = records.at(-1)!.offset + 1;
    recovered.nextOffset = offset;
  }
  for (const [table, count] of recovered.tallies.captured) addTo(recovered.tallies.read, table, count);
  for (const [table, count] of recovered.tallies.deduplicated) addTo(recovered.tallies.read, table, count);
  return { ...recovered, ...(await resumePoint(log, topic, state)) };
}

async function resumePoint(
  log: EventLog,
  topic: string,
  state: CaptureState | undefined,
): Promise<Pick<Recovered, 'resume' | 'loggedThrough'>> {
  const last = await log.last({ topic, partition: 0 });
  if (!last) return { resume: { position: POSITION_ZERO, complete: true }, loggedThrough: undefined };
  const span = readSpan(last.value);
  let through = state ? parseLsn(state.through) : LSN_ZERO;
  const scanner = new RecordScanner(last.value);
  while (scanner.next()) if (scanner.kind === 'commit') through = parseLsn(scanner.commit().end);
  // Within a large transaction the last record has no commit; the one before it ended before this one's commit record.
  if (!span.complete && span.last.lsn > through) through = span.last.lsn;
  return { resume: { position: span.last, complete: span.complete }, loggedThrough: through };
}

function replay(record: Buffer, recovered: Recovered & { time: string | null }): void {
  tallyRecord(record, recovered.tallies.captured);
  const relations = new Map<number, { name: string; columns: readonly string[] }>();
  const scanner = new RecordScanner(record);
  let time = recovered.time;
  while (scanner.next()) {
    if (scanner.kind === 'transaction') time = scanner.transaction().time;
    if (scanner.kind === 'commit') recovered.time = time;
    if (scanner.kind === 'relation') {
      const line = scanner.relationLine();
      relations.set(line.relation, { name: displayName(line), columns: line.columns.map((column) => column.name) });
    }
    if (scanner.kind === 'rows') {
      const { name } = relations.get(scanner.relation)!;
      const line = scanner.rows();
      recovered.tables.set(
        name,
        afterChunk(recovered.tables.get(name) ?? NOT_STARTED, line.rows + (line.gaveWay ?? 0), line.chunk),
      );
    }
    if (scanner.kind === 'row' && scanner.op === 'u') {
      const { name, columns } = relations.get(scanner.relation)!;
      const row = scanner.row();
      if (!row.key || !row.new!.includes(false)) continue;
      recovered.moved.set(name, [...(recovered.moved.get(name) ?? []), { columns, row: row.new! }]);
    }
  }
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
