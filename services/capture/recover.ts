import { FerryError } from '../../core/errors.js';
import { addTo, type Tally } from '../../core/ledger.js';
import { formatLsn, LSN_ZERO, type Lsn, maxLsn, parseLsn } from '../../core/lsn.js';
import { isAfter, POSITION_ZERO, type Position } from '../../core/position.js';
import { MESSAGE } from '../../core/record.js';
import { RecordScanner } from '../../core/record-scanner.js';
import { sourceName } from '../../core/relation.js';
import { CAPTURE_STATE, type CaptureState, type TableSnapshotState } from '../../core/stage-state.js';
import { partitionName } from '../../core/topics.js';
import { parseTurn, type Turn } from '../../core/way-back.js';
import type { EventLog, TopicPartition } from '../../platform/event-log/port.js';
import { tallyPartition } from '../../platform/tally-partition.js';
import type { ResumePoint } from './raw-output.js';
import { type MovedRow, SnapshotParts } from './recover-tables.js';
import type { CaptureTallies } from './tallies.js';

/** Where capture goes on: read out of the raw topic, the control state only saves reading all of it. */
export interface Recovered {
  /** By partition. */
  readonly resume: readonly ResumePoint[];
  /** The log has everything before this LSN; undefined for an empty log. */
  readonly loggedThrough: Lsn | undefined;
  readonly time: string | null;
  /** By partition. */
  readonly nextOffsets: readonly number[];
  readonly tallies: CaptureTallies;
  readonly tables: Map<string, TableSnapshotState>;
  /** By table: rows whose key changed without their TOAST values since the state was put down. */
  readonly moved: Map<string, MovedRow[]>;
  /** Transactions that the stream has delivered, and that others on the source may not see yet. */
  readonly delivered: readonly number[];
  /** As of where the stream begins again; undefined before the first turn. */
  readonly turn: Turn | undefined;
}

/** @throws FerryError `log-foreign` when the raw topic is shorter than the state says. */
export async function recover(log: EventLog, topic: string, partitions: number): Promise<Recovered> {
  const state = (await log.control.get(CAPTURE_STATE)) as CaptureState | undefined;
  const captured: Tally = new Map(Object.entries(state?.captured ?? {}));
  const recovered: Recovering = {
    resume: [],
    loggedThrough: state && parseLsn(state.through),
    time: state?.time ?? null,
    nextOffsets: [],
    tallies: {
      captured,
      deduplicated: new Map(Object.entries(state?.deduplicated ?? {})),
      read: new Map(),
    },
    tables: new Map(Object.entries(state?.tables ?? {})),
    moved: new Map(),
    delivered: [...(state?.unseen ?? [])],
    turn: undefined,
  };
  const parts = new SnapshotParts(partitions);
  const turns = Array.from({ length: partitions }, () => state?.turn);
  for (let partition = 0; partition < partitions; partition++) {
    await recoverPartition(log, { topic, partition }, { state, recovered, parts, turns });
  }
  parts.take(recovered.tables, recovered.moved);
  // Of the one that has the least: what the others have of the stream besides comes again, turns included.
  const least = recovered.resume.reduce(
    (least, { position }, i, all) => (isAfter(all[least]!.position, position) ? i : least),
    0,
  );
  recovered.turn = turns[least];
  for (const [table, count] of recovered.tallies.captured) addTo(recovered.tallies.read, table, count);
  for (const [table, count] of recovered.tallies.deduplicated) addTo(recovered.tallies.read, table, count);
  return recovered;
}

/** What recovering finds out on its way through the log. */
type Recovering = { -readonly [K in keyof Recovered]: Recovered[K] } & {
  resume: ResumePoint[];
  nextOffsets: number[];
  delivered: number[];
};

interface Finding {
  readonly state: CaptureState | undefined;
  readonly recovered: Recovering;
  readonly parts: SnapshotParts;
  /** By partition. */
  readonly turns: (Turn | undefined)[];
}

async function recoverPartition(
  log: EventLog,
  at: TopicPartition,
  { state, recovered, parts, turns }: Finding,
): Promise<void> {
  const from = state?.next[partitionName(at)] ?? 0;
  const length = await log.takeOver(at);
  if (length < from) {
    throw new FerryError(
      'log-foreign',
      `${partitionName(at)} ends at offset ${length}, but had ${from} records before`,
    );
  }
  const { next, end } = await tallyPartition(log, at, from, recovered.tallies.captured, (record, after) =>
    replay(record, after, recovered, { parts, turns, partition: at.partition }),
  );
  recovered.nextOffsets[at.partition] = next;
  recovered.resume[at.partition] = end ?? { position: POSITION_ZERO, complete: true };
  // Within a large transaction: everything before its commit record is in the log.
  if (end && !end.complete) recovered.loggedThrough = maxLsn(recovered.loggedThrough ?? LSN_ZERO, end.position.lsn);
}

/** Takes what a record says; events up to `after` only repeat what was there before. */
function replay(
  record: Buffer,
  after: Position,
  recovered: Recovering,
  { parts, turns, partition }: Pick<Finding, 'parts' | 'turns'> & { readonly partition: number },
): void {
  const relations = new Map<number, { name: string; columns: readonly string[] }>();
  const scanner = new RecordScanner(record);
  let lsn = LSN_ZERO;
  let time = recovered.time;
  while (scanner.next()) {
    if (scanner.kind === 'transaction') {
      const line = scanner.transaction();
      lsn = parseLsn(line.tx);
      time = line.time;
      recovered.delivered.push(line.xid);
    } else if (scanner.kind === 'relation') {
      const line = scanner.relationLine();
      relations.set(line.relation, { name: sourceName(line), columns: line.columns.map((column) => column.name) });
    } else if (isAfter({ lsn, index: scanner.index }, after)) {
      if (scanner.kind === 'commit') {
        replayCommit(parseLsn(scanner.commit().end), time, recovered);
      } else if (scanner.kind === 'rows') {
        parts.rows(partition, relations.get(scanner.relation)!.name, scanner.rows(), lsn);
      } else if (scanner.kind === 'row' && scanner.op === 'u') {
        const { name, columns } = relations.get(scanner.relation)!;
        parts.updated(partition, name, scanner.row(), columns);
      } else if (scanner.kind === 'message') {
        const { message, content } = scanner.message();
        if (message === MESSAGE.turn) turns[partition] = parseTurn(content).turn;
      } else if (scanner.kind === 'truncate') {
        const { beginsSnapshot, relations: ids } = scanner.truncate();
        if (beginsSnapshot) parts.began(partition, relations.get(ids[0]!)!.name, { lsn, index: scanner.index });
        else for (const id of ids) parts.truncated(relations.get(id)!.name);
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

/** What is put down for the next start. */
export function captureState(
  topic: string,
  done: {
    nextOffsets: readonly number[];
    through: Lsn;
    time: string | null;
    tallies: CaptureTallies;
    tables: ReadonlyMap<string, TableSnapshotState>;
    turn?: Turn | undefined;
    unseen?: readonly number[] | undefined;
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
    ...(done.unseen?.length ? { unseen: done.unseen } : {}),
    ...(done.turn ? { turn: done.turn } : {}),
  };
}
