import { MAX_ROW_BYTES } from '../../core/config/schema.js';
import { FerryError } from '../../core/errors.js';
import { addTo } from '../../core/ledger.js';
import { formatLsn, LSN_ZERO, type Lsn } from '../../core/lsn.js';
import { type ChunkMark, MESSAGE, relationToLine } from '../../core/record.js';
import { displayName, hasSameColumns, type Relation, sourceName } from '../../core/relation.js';
import { parseRepairOrder } from '../../core/repair-order.js';
import { parseResnapshotOrder } from '../../core/resnapshot-order.js';
import type { Turn } from '../../core/way-back.js';
import { Carriage } from './carriage.js';
import { formatMicros } from './format-micros.js';
import {
  type BeginMessage,
  type CommitMessage,
  decode,
  type LogicalMessage,
  oldTupleAt,
  type RowMessage,
  type TruncateMessage,
} from './pgoutput/decode.js';
import { placeRow } from './place-row.js';
import type { RawOutput, RawPartition } from './raw-output.js';
import { refuseLargerRow, surelyFits } from './row-limit.js';
import { loggedRelation, type TablePlan } from './snapshot/chunk.js';
import type { SnapshotOrders } from './snapshot/orders.js';
import type { WholeCopy } from './snapshot/whole-copy.js';
import type { ClosedWindow, SnapshotWindows } from './snapshot/windows.js';
import { writeChunk, writeGone } from './snapshot/write-chunk.js';
import { type CaptureTallies, countCovered } from './tallies.js';
import { writeRowLine } from './write-row-line.js';
import { writeTruncate } from './write-truncate.js';

/**
 * Turns pgoutput's messages into the raw topic's records: gives each event its position, drops what the log has
 * already, and lets snapshot chunks in at their high watermark. No I/O: bytes in, bytes out.
 */
export class RawEncoder {
  readonly #output: RawOutput;
  readonly #windows: SnapshotWindows;
  readonly #tables: ReadonlyMap<string, TablePlan>;
  readonly #byId: ReadonlyMap<number, TablePlan>;
  readonly #describe: (relation: Relation) => Relation;
  readonly #wholeCopies: ReadonlyMap<string, WholeCopy>;
  readonly #tallies: CaptureTallies;
  readonly #onChunk: (table: string, rows: number, mark: ChunkMark | undefined) => void;
  readonly #onTruncate: (table: string) => void;
  readonly #orders: SnapshotOrders | undefined;
  readonly #carriage: Carriage;
  readonly #maxRowBytes: number;
  readonly #relations = new Map<number, KnownRelation>();
  #transaction: BeginMessage | undefined;
  #index = 0;
  #committedThrough = LSN_ZERO;
  #committedTime: string | null = null;
  #captured = 0;
  #time = '';

  constructor(options: {
    output: RawOutput;
    windows: SnapshotWindows;
    /** The tables to capture, by the name that the mapping has; a publication may hold more. */
    tables: ReadonlyMap<string, TablePlan>;
    /** Adds what the source's catalog says. */
    describe?: (relation: Relation) => Relation;
    /** Those without a key, by display name. */
    wholeCopies?: ReadonlyMap<string, WholeCopy>;
    tallies: CaptureTallies;
    /** A chunk went into the log's next records. */
    onChunk: (table: string, rows: number, mark: ChunkMark | undefined) => void;
    /** The source has truncated a table. */
    onTruncate?: (table: string) => void;
    orders?: SnapshotOrders;
    /** Whose turns count. */
    pipeline?: string;
    /** As of where the stream begins. */
    turn?: Turn;
    /** Of a row as text. */
    maxRowBytes?: number;
  }) {
    this.#output = options.output;
    this.#windows = options.windows;
    this.#tables = options.tables;
    this.#byId = new Map([...options.tables.values()].map((plan) => [plan.relation.id, plan]));
    this.#describe = options.describe ?? ((relation) => relation);
    this.#wholeCopies = options.wholeCopies ?? new Map();
    this.#tallies = options.tallies;
    this.#onChunk = options.onChunk;
    this.#onTruncate = options.onTruncate ?? (() => {});
    this.#orders = options.orders;
    this.#carriage = new Carriage(options.pipeline ?? '', options.turn ?? 'open');
    this.#maxRowBytes = options.maxRowBytes ?? MAX_ROW_BYTES;
  }

  /** Whether changes are carried, as of where the stream stands. */
  get turn(): Turn {
    return this.#carriage.turn;
  }

  /** Row changes that went into records. */
  get capturedChanges(): number {
    return this.#captured;
  }

  /** Commit time of the last whole transaction; null before the first. */
  get committedTime(): string | null {
    return this.#committedTime;
  }

  /**
   * The first LSN behind the last whole transaction that went into records, now or before a restart: acknowledge it
   * once the log has it. One that left nothing there does not count: the slot would be ahead of the log's end, which a
   * restart takes for lost WAL. Heartbeats move it on.
   */
  get committedThrough(): Lsn {
    return this.#committedThrough;
  }

  /**
   * The transaction that the stream is in.
   * @throws FerryError `protocol-violation` when it is in none.
   */
  get open(): BeginMessage {
    if (!this.#transaction) throw violation('an event outside of a transaction');
    return this.#transaction;
  }

  /**
   * Takes one message.
   * @throws FerryError `protocol-violation` when the stream contradicts itself.
   */
  take(message: Buffer): void {
    const decoded = decode(message);
    switch (decoded.tag) {
      case 'row':
        return this.#row(message, decoded);
      case 'begin':
        return this.#begin(decoded);
      case 'commit':
        return this.#commit(decoded);
      case 'relation':
        return this.#relation(decoded.relation);
      case 'truncate':
        return this.#truncate(decoded);
      case 'message':
        return this.#message(decoded);
      case 'ignored':
        return;
      default:
        return decoded satisfies never;
    }
  }

  #begin(begin: BeginMessage): void {
    this.#transaction = begin;
    this.#carriage.begin();
    this.#index = 0;
    this.#time = formatMicros(begin.commitTimeMicros);
    const line = `{"tx":"${formatLsn(begin.commitLsn)}","xid":${begin.xid},"time":"${this.#time}"}`;
    for (const partition of this.#output.partitions) partition.begin(begin.commitLsn, line);
  }

  #commit(commit: CommitMessage): void {
    const { commitLsn, xid } = this.open;
    if (commitLsn !== commit.commitLsn) throw violation(`commit ${formatLsn(commit.commitLsn)} in another transaction`);
    const line = (index: number) =>
      `{"commit":"${formatLsn(commitLsn)}","ix":${index},"end":"${formatLsn(commit.commitEnd)}"}`;
    for (const partition of this.#output.partitions) {
      partition.commit(this.#index, line);
      if (partition.holdsTransaction) this.#committedThrough = commit.commitEnd;
    }
    this.#windows.delivered(xid);
    this.#committedTime = this.#time;
    this.#transaction = undefined;
  }

  #relation(relation: Relation): void {
    const called = displayName(relation);
    const plan = this.#byId.get(relation.id) ?? this.#tables.get(called);
    const name = plan ? sourceName(plan.relation) : called;
    this.#relations.set(relation.id, { relation, name, plan, whole: this.#wholeCopies.get(name) });
    if (!plan) return;
    const named = name === called ? relation : { ...relation, source: name, called };
    const line = JSON.stringify(relationToLine(loggedRelation(this.#describe(named), plan)));
    for (const { writer } of this.#output.partitions) writer.relation(relation.id, line);
  }

  #row(message: Buffer, row: RowMessage): void {
    const known = this.#known(row.relation);
    // Counted in any case: in another life the table may be captured, or stand elsewhere, and what follows must have the
    // same place.
    const index = this.#index++;
    if (!known.plan) return;
    if (!this.#carriage.carries) return this.#windows.row(message, row, known.relation);
    const maxBytes = this.#maxRowBytes;
    if (!surelyFits(message, maxBytes)) {
      refuseLargerRow(message, row, { relation: known.relation, plan: known.plan, maxBytes });
    }
    this.#windows.row(message, row, known.relation);
    const transaction = this.open;
    if (known.whole?.covers(transaction)) return countCovered(this.#tallies, known.name);
    const { partitions } = this.#output;
    if (partitions.length === 1) return this.#writeRow(partitions[0]!, index, message, row, known.name);
    const placed = placeRow(message, row, known.relation, known.plan, partitions.length);
    for (const { partition, row: part, oldAt, everywhere } of placed) {
      this.#writeRow(partitions[partition]!, index, message, part, known.name, oldAt, everywhere);
    }
  }

  /** @param oldAt of a tuple with values that the new row calls unchanged. */
  #writeRow(
    partition: RawPartition,
    index: number,
    message: Buffer,
    row: RowMessage,
    table: string,
    oldAt = oldTupleAt(row),
    everywhere = false,
  ): void {
    addTo(this.#tallies.read, table, 1);
    const position = partition.take(index);
    if (!position) return addTo(this.#tallies.deduplicated, table, 1);
    writeRowLine(partition.writer.event(position, row.relation), message, row, { index, oldAt, everywhere });
    addTo(this.#tallies.captured, table, 1);
    this.#captured++;
  }

  #truncate(truncate: TruncateMessage): void {
    const ix = this.#index++;
    const captured = truncate.relations.filter((id) => this.#known(id).plan);
    if (captured.length === 0) return;
    this.#windows.truncate(captured);
    for (const id of captured) this.#onTruncate(this.#known(id).name);
    if (!this.#carriage.carries) return;
    const transaction = this.open;
    const relations = captured.filter((id) => !this.#known(id).whole?.covers(transaction));
    const { cascade, restartIdentity } = truncate;
    if (relations.length > 0) this.#writeTruncate({ ix, relations, cascade, restartIdentity });
  }

  #writeTruncate(truncate: Parameters<typeof writeTruncate>[1]): boolean {
    const names = truncate.relations.map((id) => this.#known(id).name);
    return writeTruncate(this.#output, truncate, names, this.#tallies);
  }

  #message(message: LogicalMessage): void {
    if (!message.transactional || !message.prefix.startsWith('ferry:')) return;
    if (message.prefix === MESSAGE.origin) return this.#carriage.comesFrom(message.content);
    if (message.prefix === MESSAGE.hold) {
      for (const copy of this.#wholeCopies.values()) copy.comeTo(message.content);
      return;
    }
    if (message.prefix === MESSAGE.low) return this.#windows.low(message.content);
    if (message.prefix === MESSAGE.high) {
      const closed = this.#windows.high(message.content);
      if (!closed) return;
      return this.writeRows(closed);
    }
    if (message.prefix === MESSAGE.repair) {
      const order = parseRepairOrder(message.content);
      if (order) this.#orders?.repair(order);
      return;
    }
    if (message.prefix === MESSAGE.marker) this.#windows.endRepairs();
    this.open;
    const ix = this.#index++;
    if (message.prefix === MESSAGE.resnapshot) return this.#beginAgain(ix, message.content);
    if (message.prefix === MESSAGE.turn && !this.#carriage.takeTurn(message.content)) return;
    const line = JSON.stringify({ message: message.prefix, ix, content: message.content });
    for (const partition of this.#output.partitions) {
      const position = partition.take(ix);
      if (position) partition.writer.line(position, line);
    }
  }

  /** Recovery has seen to what the log has already. */
  #beginAgain(ix: number, content: string): void {
    const order = parseResnapshotOrder(content);
    const plan = order && this.#orders?.planOf(order);
    if (!plan) return;
    const { id } = plan.relation;
    if (!this.#relations.has(id)) this.#relation(plan.relation);
    if (this.#writeTruncate({ ...emptied(ix, id), beginsSnapshot: true })) this.#orders!.begun(plan);
  }

  /** The stream may not have spoken of the table yet, or not of a change of its columns that the chunk has seen. */
  #plannedRelation(plan: TablePlan): void {
    const { relation } = plan;
    const known = this.#relations.get(relation.id);
    if (known && hasSameColumns(known.relation, relation)) return;
    const line = JSON.stringify(relationToLine(loggedRelation(relation, plan)));
    for (const { writer } of this.#output.partitions) writer.relation(relation.id, line);
    if (known) this.#relations.set(relation.id, { ...known, relation });
  }

  /** Writes rows of the snapshot into the open transaction. */
  writeRows(closed: ClosedWindow): void {
    this.open;
    this.#plannedRelation(closed.plan);
    const { relation } = closed.plan;
    const { columns } = this.#relations.get(relation.id)?.relation ?? relation;
    writeGone(this.#output, closed, columns, () => this.#index++, this.#tallies);
    writeChunk(this.#output, closed, () => this.#index++, this.#tallies);
    this.#captured += closed.reconciled.rows + (closed.gone?.length ?? 0);
    this.#onChunk(sourceName(closed.plan.relation), closed.chunk.rows, closed.chunk.mark);
  }

  /** Empties a table in the open transaction: its copy, that was begun before, begins anew. */
  writeEmptied({ relation }: TablePlan): void {
    if (!this.#relations.has(relation.id)) this.#relation(relation);
    this.#writeTruncate(emptied(this.#index++, relation.id));
  }

  #known(relation: number): KnownRelation {
    const known = this.#relations.get(relation);
    if (!known) throw violation(`a row of the relation ${relation}, which it has not described`);
    return known;
  }
}

interface KnownRelation {
  readonly relation: Relation;
  readonly name: string;
  /** Undefined when the table is not captured. */
  readonly plan: TablePlan | undefined;
  /** Of a table without a key. */
  readonly whole: WholeCopy | undefined;
}

const emptied = (ix: number, relation: number) => ({
  ix,
  relations: [relation],
  cascade: false,
  restartIdentity: false,
});

function violation(what: string): FerryError {
  return new FerryError('protocol-violation', `the source sent ${what}`);
}
