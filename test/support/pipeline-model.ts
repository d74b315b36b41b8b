import { copyLine } from '../../core/copy-text.js';
import { addTo, type Tally, tallyRecord } from '../../core/ledger.js';
import { LSN_ZERO, type Lsn, maxLsn } from '../../core/lsn.js';
import { domainSchemas, oncePerSource, type TableMapping } from '../../core/mapping.js';
import { justBefore, POSITION_ZERO, type Position, positionToJson } from '../../core/position.js';
import { MESSAGE } from '../../core/record.js';
import { displayName, parseQualifiedName } from '../../core/relation.js';
import { CAPTURE_STATE, type TransformState, transformStateKey } from '../../core/stage-state.js';
import { partitionName, topicsOf } from '../../core/topics.js';
import { ruleKit } from '../../platform/rule-kit.js';
import { type Applied, addApplied, Batch, type Progress } from '../../services/apply/batch.js';
import { BatchReader } from '../../services/apply/batch-reader.js';
import { SnapshotDue } from '../../services/apply/snapshot-due.js';
import { RawEncoder } from '../../services/capture/raw-encoder.js';
import { RawOutput } from '../../services/capture/raw-output.js';
import { captureState, type Recovered, recover } from '../../services/capture/recover.js';
import { afterChunk, NOT_STARTED, startedAgain } from '../../services/capture/recover-tables.js';
import type { Chunk, TablePlan } from '../../services/capture/snapshot/chunk.js';
import { type Outcome, type Rereads, SnapshotWindows } from '../../services/capture/snapshot/windows.js';
import { recover as recoverTransform } from '../../services/transform/recover.js';
import { Router } from '../../services/transform/router.js';
import type { MemoryLog } from './memory-log.js';
import { openGate } from './open-gate.js';
import { COLUMNS, type SourceModel } from './source-model.js';
import { planOf } from './table-plan.js';
import { TargetModel } from './target-model.js';

export const topics = topicsOf('p', 1);
const mapped = (source: string, target: string, rename: Record<string, string> = {}): TableMapping => ({
  source: parseQualifiedName(source)!,
  target: parseQualifiedName(target)!,
  rename: new Map(Object.entries(rename)),
  place: { file: 'mapping/x.yaml', line: 1, column: 1 },
  columnPlaces: new Map(),
});
export const MAPPINGS = [
  mapped('public.users', 'shared.people', { n: 'number' }),
  { ...mapped('public.posts', 'growth.posts'), route: 'public.posts -> growth.posts' },
  { ...mapped('public.posts', 'growth.drafts', { n: 'number' }), route: 'public.posts -> growth.drafts' },
];
export const SCHEMAS = domainSchemas(MAPPINGS);

/** Capture without its sockets and timers: what CaptureRun, the publisher and the snapshot loop do, step by step. */
export class CaptureModel {
  readonly #log: MemoryLog;
  readonly #output: RawOutput;
  readonly #windows = new SnapshotWindows();
  readonly #recovered: Recovered;
  readonly #encoder: RawEncoder;
  readonly #stream: Iterator<Buffer | undefined>;
  readonly copiers: readonly TableCopier[];
  #nextOffset: number;
  #through: Lsn;
  #durable: Parameters<typeof captureState>[1] | undefined;

  static async start(log: MemoryLog, source: SourceModel, slot: Slot): Promise<CaptureModel> {
    const recovered = await recover(log, topics.raw, 1);
    if (slot.confirmed > (recovered.loggedThrough ?? LSN_ZERO)) throw new Error('the slot is ahead of the log');
    return new CaptureModel(log, source, slot, recovered);
  }

  private constructor(log: MemoryLog, source: SourceModel, slot: Slot, recovered: Recovered) {
    this.#log = log;
    this.#recovered = recovered;
    this.#output = new RawOutput(recovered.resume, RECORD_BYTES);
    this.#nextOffset = recovered.nextOffsets[0]!;
    this.#through = recovered.loggedThrough ?? LSN_ZERO;
    const plans = oncePerSource(MAPPINGS).map((mapping) =>
      planOf(source.relations.find((relation) => displayName(relation) === displayName(mapping.source))!),
    );
    const { tables } = recovered;
    for (const plan of plans) {
      const name = displayName(plan.relation);
      const state = tables.get(name) ?? NOT_STARTED;
      tables.set(name, state);
      const moved = (recovered.moved.get(name) ?? []).map(({ row }) => JSON.stringify([row[0]]));
      if (!state.done) this.#windows.tableStarted(plan, [...state.rereads, ...moved]);
    }
    this.#encoder = new RawEncoder({
      output: this.#output,
      windows: this.#windows,
      tables: new Map(plans.map((plan) => [displayName(plan.relation), plan])),
      tallies: recovered.tallies,
      onChunk: (table, rows, mark) => tables.set(table, afterChunk(tables.get(table)!, rows, mark)),
      orders: {
        repair: () => {},
        planOf: ({ table }) => plans.find(({ relation }) => displayName(relation) === table),
        begun: (plan) => {
          const name = displayName(plan.relation);
          tables.set(name, startedAgain(tables.get(name)!));
          this.#windows.tableBeginsAgain(plan);
          this.copiers[plans.indexOf(plan)]!.beginAgain();
        },
      },
    });
    this.copiers = plans.map((plan) => new TableCopier(source, plan, this.#windows, tables));
    this.#stream = source.stream(slot.confirmed);
  }

  get tallies(): Recovered['tallies'] {
    return this.#recovered.tallies;
  }

  /** Takes messages as long as there are any. */
  take(messages: number): void {
    for (let i = 0; i < messages; i++) {
      const { value } = this.#stream.next();
      if (!value) return;
      this.#encoder.take(value);
    }
  }

  /** Appends what waits. @returns false when only a part of it arrived: this life is over. */
  publish(slot: Slot, arriving: number): boolean {
    const values = this.#output.take(topics.raw)[0]?.values ?? [];
    const through = this.#encoder.committedThrough;
    const { read, deduplicated, captured } = this.tallies;
    const tallies = { read: new Map(read), deduplicated: new Map(deduplicated), captured: new Map(captured) };
    const tables = this.#windows.withRereads(this.#recovered.tables);
    this.#log.put(topics.raw, values.slice(0, arriving));
    if (arriving < values.length) return false;
    slot.confirmed = maxLsn(slot.confirmed, through);
    if (values.length > 0) this.#nextOffset = this.#log.records(topics.raw).length;
    this.#through = maxLsn(this.#through, through);
    const time = this.#encoder.committedTime;
    if (values.length > 0) {
      this.#durable = { nextOffsets: [this.#nextOffset], through: this.#through, time, tallies, tables };
    }
    return true;
  }

  /** What it had not appended yet when it was thought dead. */
  publishLate(): void {
    this.#log.put(topics.raw, this.#output.take(topics.raw)[0]?.values ?? []);
  }

  async putState(): Promise<void> {
    if (this.#durable) await this.#log.control.put(CAPTURE_STATE, captureState(topics.raw, this.#durable));
  }

  /** Until every table is copied and all of the WAL is in the log. */
  finish(slot: Slot): void {
    for (let i = 0; i < 1_000; i++) {
      this.take(1_000);
      this.publish(slot, Number.POSITIVE_INFINITY);
      const copying = this.copiers.filter((copier) => !copier.isDone);
      if (copying.length === 0) return;
      for (const copier of copying) copier.step(0);
    }
    throw new Error('the copy does not end');
  }
}

/** What the server keeps of us. */
export interface Slot {
  confirmed: Lsn;
}

/** Small, so that transactions are cut. */
const RECORD_BYTES = 400;
const CHUNK_ROWS = 2;
let windowIds = 0;

/** The snapshot loop of one table: low watermark, read, high watermark, each a step of its own. */
class TableCopier {
  readonly #source: SourceModel;
  readonly #plan: TablePlan;
  readonly #windows: SnapshotWindows;
  readonly #tables: Recovered['tables'];
  readonly #name: string;
  /** What was committed before this process began is visible: nobody remembers what an earlier one had delivered. */
  readonly #seenAtStart: number;
  #isExhausted = false;
  #open:
    | { id: string; at: 'low' | 'read' | 'high'; reread: Rereads | undefined; isFinal: boolean; rows: number }
    | undefined;
  isDone: boolean;

  constructor(source: SourceModel, plan: TablePlan, windows: SnapshotWindows, tables: Recovered['tables']) {
    this.#source = source;
    this.#plan = plan;
    this.#windows = windows;
    this.#tables = tables;
    this.#name = displayName(plan.relation);
    this.#seenAtStart = source.history.length - 1;
    this.isDone = tables.get(this.#name)!.done;
  }

  /** @param invisible of the last transactions, so many are committed and not yet seen by others. */
  step(invisible: number): void {
    if (this.isDone) return;
    if (!this.#open) return this.#emitLow();
    if (this.#open.at === 'low') {
      const chunk = this.#read(invisible);
      this.#windows.fill(this.#open.id, chunk);
      this.#open = { ...this.#open, at: 'read', rows: chunk.rows };
    } else if (this.#open.at === 'read') {
      this.#source.emit(MESSAGE.high, this.#open.id);
      this.#open = { ...this.#open, at: 'high' };
    }
  }

  beginAgain(): void {
    this.isDone = false;
    this.#isExhausted = false;
  }

  #emitLow(): void {
    const id = String(++windowIds);
    const reread = this.#isExhausted ? new Map([...this.#windows.rereads(this.#plan)].slice(0, 2)) : undefined;
    this.#open = { id, at: 'low', reread, isFinal: reread?.size === 0, rows: 0 };
    this.#windows.expect(id, this.#plan, (outcome) => this.#closed(outcome));
    this.#source.emit(MESSAGE.low, id);
  }

  #closed(outcome: Outcome): void {
    const { reread, isFinal, rows } = this.#open!;
    this.#open = undefined;
    if (outcome !== 'published') return;
    if (isFinal) {
      this.#windows.tableFinished(this.#plan);
      this.isDone = true;
    } else if (reread) this.#windows.reread(this.#plan, reread);
    else this.#isExhausted = rows < CHUNK_ROWS;
  }

  #read(invisible: number): Chunk {
    const { reread, isFinal } = this.#open!;
    const { history, nextXid } = this.#source;
    const seen = Math.max(this.#seenAtStart, history.length - 1 - invisible);
    const running = new Set(history.slice(seen + 1).map(({ xid }) => xid));
    const after = this.#tables.get(this.#name)!.upTo?.[0];
    const all = [...history[seen]!.tables.get(this.#plan.relation.id)!.values()];
    const rows =
      reread && !isFinal
        ? all.filter((row) => reread.has(JSON.stringify([row[0]])))
        : all
            .filter((row) => after === undefined || row[0] > after)
            .sort((a, b) => (a[0] < b[0] ? -1 : 1))
            .slice(0, isFinal ? 0 : CHUNK_ROWS);
    const upTo = rows.at(-1)?.[0] ?? after;
    return {
      text: Buffer.from(rows.map(copyLine).join('')),
      rows: rows.length,
      mark: reread && !isFinal ? undefined : { ...(upTo === undefined ? {} : { upTo: [upTo] }), final: isFinal },
      snapshot: { xmax: nextXid, running },
    };
  }
}

/** Transform without its loop. */
export class TransformModel {
  readonly #log: MemoryLog;
  readonly #recovered: Awaited<ReturnType<typeof recoverTransform>>;
  readonly #router: Router;
  #offset: number;

  static async start(log: MemoryLog): Promise<TransformModel> {
    return new TransformModel(log, await recoverTransform(log, topics, SCHEMAS, 0));
  }

  private constructor(log: MemoryLog, recovered: Awaited<ReturnType<typeof recoverTransform>>) {
    this.#log = log;
    this.#recovered = recovered;
    this.#router = new Router({ tables: MAPPINGS, kit: ruleKit, ...recovered });
    this.#offset = recovered.rawOffset;
  }

  get tallies(): Recovered['tallies'] | Record<'transformed' | 'taken' | 'filtered', Map<string, number>> {
    return this.#recovered.tallies;
  }

  /** @param arriving by schema, how many of the new records arrive. @returns false when this life is over. */
  async take(records: number, arriving: readonly number[]): Promise<boolean> {
    const found = this.#log.records(topics.raw).filter(({ offset }) => offset >= this.#offset);
    for (const { value, offset } of found.slice(0, records)) {
      this.#router.take(value);
      this.#offset = offset + 1;
    }
    let isWhole = true;
    for (const { schema, values } of this.#router.takeRecords()) {
      const topic = topics.domain(schema);
      const some = values.slice(0, arriving[SCHEMAS.indexOf(schema)]);
      this.#log.put(topic, some);
      const name = partitionName({ topic, partition: 0 });
      this.#recovered.next.set(name, (this.#recovered.next.get(name) ?? 0) + some.length);
      isWhole &&= some.length === values.length;
    }
    return isWhole;
  }

  async putState(): Promise<void> {
    const { next, tallies } = this.#recovered;
    const state: TransformState = {
      raw: Math.max(this.#offset, this.#recovered.countedBefore),
      counted: positionToJson(this.#router.countedThrough),
      next: Object.fromEntries(next),
      through: '0/0',
      time: null,
      taken: Object.fromEntries(tallies.taken),
      filtered: Object.fromEntries(tallies.filtered),
      transformed: Object.fromEntries(tallies.transformed),
    };
    await this.#log.control.put(transformStateKey(0, 1), state);
  }
}

/** What the target database keeps of one domain schema: the rows, and what is written in one transaction with them. */
export class TargetSchema {
  readonly model = new TargetModel();
  readonly copied = new Set<string>();
  readonly applied: Applied = new Map();
  /** Routes of tables that are to be copied again, and since where they are passed over. */
  readonly held = new Map<string, Position>();
  /** Changes of those that were passed over, by route. */
  readonly dropped: Tally = new Map();
  checkpoint: Progress = { nextOffset: 0, position: POSITION_ZERO, commitEnd: LSN_ZERO, commitTime: null };
}

const TABLE = { columns: [...COLUMNS, 'number'], key: ['id'] };

/** Apply of one domain schema without its database. */
export class ApplyModel {
  readonly #log: MemoryLog;
  readonly #topic: string;
  readonly #target: TargetSchema;
  #reader: BatchReader;
  readonly #schema: string;
  readonly #skipped: Tally = new Map();
  /** Batches of the open target transaction. */
  #open: Batch[] = [];
  #batch: Batch;
  readonly #isFolding: boolean;

  constructor(log: MemoryLog, schema: string, target: TargetSchema, isFolding = true) {
    this.#log = log;
    this.#topic = topics.domain(schema);
    this.#target = target;
    this.#isFolding = isFolding;
    this.#schema = schema;
    this.#reader = this.#newReader();
    this.#batch = new Batch(target.checkpoint, isFolding);
  }

  #newReader(): BatchReader {
    const { checkpoint, held } = this.#target;
    const gate = openGate(this.#schema, { people: TABLE, posts: TABLE, drafts: TABLE }, (source) => held.get(source));
    return new BatchReader(checkpoint.position, gate);
  }

  /** @returns false when it ended before, because a snapshot begins again there. */
  read(records: number): boolean {
    const from = this.#batch.progress.nextOffset;
    const found = this.#log.records(this.#topic).filter(({ offset }) => offset >= from);
    try {
      for (const { value, offset } of found.slice(0, records)) this.#reader.read(value, offset, this.#batch);
    } catch (error) {
      if (!(error instanceof SnapshotDue)) throw error;
      this.#beginSnapshot(error);
      return false;
    }
    return true;
  }

  #beginSnapshot({ source, relation, position, offset }: SnapshotDue): void {
    this.#batch.progress = { ...this.#batch.progress, nextOffset: offset, position: justBefore(position) };
    this.#batch.isComplete = true;
    this.write();
    const target = this.#target;
    const table = displayName(relation);
    const stoppedAt = target.held.get(source);
    const records = stoppedAt ? this.#log.records(this.#topic) : [];
    for (const { value } of records) tallyRecord(value, this.#skipped, stoppedAt!, position);
    addTo(target.dropped, source, this.#skipped.get(source) ?? 0);
    this.#skipped.clear();
    target.held.delete(source);
    target.model.table(table).clear();
    target.copied.delete(source);
    addApplied(target.applied, new Map([[`${source} ${table}`, { source, target: table, count: 1, deadLettered: 0 }]]));
    target.checkpoint = { ...target.checkpoint, nextOffset: offset, position };
    this.#reader = this.#newReader();
    this.#batch = new Batch(target.checkpoint, this.#isFolding);
  }

  /** Writes the batch; the target transaction ends where a source transaction does. */
  write(): void {
    const batch = this.#batch;
    this.#open.push(batch);
    this.#batch = new Batch(batch.progress, this.#isFolding);
    this.#batch.isComplete = batch.isComplete;
    if (!batch.isComplete) return;
    const target = this.#target;
    for (const { steps, rest } of this.#open) {
      target.model.write(steps, (source) => target.copied.has(source));
      addApplied(target.applied, rest.applied);
      for (const table of rest.news.copied) target.copied.add(table);
    }
    target.checkpoint = batch.progress;
    this.#open = [];
  }
}
