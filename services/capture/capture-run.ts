import { setTimeout as sleep } from 'node:timers/promises';
import { FerryError } from '../../core/errors.js';
import { LSN_ZERO, type Lsn, maxLsn } from '../../core/lsn.js';
import { isMove } from '../../core/mapping.js';
import { type ChunkMark, MESSAGE } from '../../core/record.js';
import { displayName, sourceName } from '../../core/relation.js';
import type { RepairOrder } from '../../core/repair-order.js';
import { parseResnapshotOrder, type ResnapshotOrder } from '../../core/resnapshot-order.js';
import { CAPTURE_STATE, type TableSnapshotState } from '../../core/stage-state.js';
import type { Turn } from '../../core/way-back.js';
import { failpoint } from '../../platform/failpoint.js';
import type { ServiceContext } from '../../platform/service.js';
import { decode } from './pgoutput/decode.js';
import { Publisher } from './publisher.js';
import { RawEncoder } from './raw-encoder.js';
import { RawOutput } from './raw-output.js';
import { captureState, type Recovered } from './recover.js';
import { afterChunk, type MovedRow, NOT_STARTED, startedAgain, truncated } from './recover-tables.js';
import type { CatalogColumn, RelationCatalog } from './relation-catalog.js';
import { lineStarts, type TablePlan } from './snapshot/chunk.js';
import { CopyQueue } from './snapshot/copy-queue.js';
import type { StreamAtRest } from './snapshot/copy-whole.js';
import type { SnapshotXids } from './snapshot/delivered-xids.js';
import { RepairQueue } from './snapshot/repair.js';
import { WholeCopy } from './snapshot/whole-copy.js';
import { SnapshotWindows } from './snapshot/windows.js';
import { StreamHold } from './stream-hold.js';
import type { CaptureTallies } from './tallies.js';

interface Mark {
  readonly turn: Turn;
  readonly tallies: CaptureTallies;
  readonly tables: Map<string, TableSnapshotState>;
  readonly time: string | null;
}

/** What the source's catalog says of a table behind a transaction, by OID; empty when it is gone. */
type AskCatalog = (relation: number, xid: number) => Promise<ReadonlyMap<number, readonly CatalogColumn[]>>;

export interface CaptureRunOptions {
  readonly topic: string;
  readonly recovered: Recovered;
  readonly plans: readonly TablePlan[];
  readonly catalog: RelationCatalog;
  readonly askCatalog: AskCatalog;
  /** What another session of the source sees now. */
  readonly askSnapshot: () => Promise<SnapshotXids>;
}

/** One connection's moving parts: encoder, publisher, and the state that is put down each second. */
export class CaptureRun {
  readonly #context: ServiceContext;
  readonly #topic: string;
  readonly #encoder: RawEncoder;
  readonly #tallies: CaptureTallies;
  readonly tables: Map<string, TableSnapshotState>;
  readonly windows = new SnapshotWindows();
  /** Tables that are not copied, and those that are copied again. */
  readonly copies: CopyQueue;
  /** Rows that are read again. */
  readonly repairs = new RepairQueue();
  readonly #wholeCopies = new Map<string, WholeCopy>();
  readonly #hold = new StreamHold();
  readonly publisher: Publisher<Mark | undefined>;
  readonly #nextOffsets: number[];
  #through: Lsn;
  #markDue = true;
  /** What has become durable since the state was last put down. */
  #durable: (Mark & { nextOffsets: readonly number[]; through: Lsn }) | undefined;

  /** By source table, those that are captured. */
  readonly #plans: ReadonlyMap<string, TablePlan>;
  readonly #catalog: RelationCatalog;
  readonly #askCatalog: AskCatalog;
  readonly #askSnapshot: CaptureRunOptions['askSnapshot'];
  #failAsking!: (error: unknown) => void;
  /** Rejects when the catalog cannot be asked. */
  readonly asking: Promise<never>;

  constructor(context: ServiceContext, options: CaptureRunOptions) {
    const { topic, recovered, plans, catalog } = options;
    this.#context = context;
    this.#catalog = catalog;
    this.#askCatalog = options.askCatalog;
    this.#askSnapshot = options.askSnapshot;
    this.asking = new Promise((_, reject) => {
      this.#failAsking = reject;
    });
    this.asking.catch(() => {});
    this.#plans = new Map(
      plans.map((plan) => [sourceName(plan.relation), { ...plan, relation: catalog.describe(plan.relation) }]),
    );
    this.#topic = topic;
    this.#tallies = recovered.tallies;
    this.tables = recovered.tables;
    this.#nextOffsets = [...recovered.nextOffsets];
    this.#through = recovered.loggedThrough ?? LSN_ZERO;
    for (const xid of recovered.delivered) this.windows.delivered(xid);
    for (const plan of this.#plans.values()) this.#prepareTable(plan, recovered.moved);
    this.copies = new CopyQueue(this.plans.filter(({ relation }) => !this.tables.get(sourceName(relation))!.done));
    const output = new RawOutput(recovered.resume);
    this.#encoder = new RawEncoder({
      output,
      windows: this.windows,
      tables: this.#plans,
      describe: (relation) => catalog.describe(relation),
      wholeCopies: this.#wholeCopies,
      tallies: this.#tallies,
      onChunk: (table, rows, mark) => this.tables.set(table, afterChunk(this.tables.get(table)!, rows, mark)),
      onTruncate: (table) => this.tables.set(table, truncated(this.tables.get(table)!)),
      orders: {
        planOf: (order) => this.#ordered(order),
        begun: (plan) => this.#beginAgain(plan),
        repair: (order) => this.#repair(order),
      },
      pipeline: context.pipeline.name,
      turn: recovered.turn ?? (context.pipeline.wayBackOf ? 'closed' : 'open'),
      maxRowBytes: context.pipeline.capture.maxRowBytes,
    });
    this.publisher = new Publisher({
      log: context.log,
      topic,
      output,
      committedThrough: () => this.#encoder.committedThrough,
      snapshot: () => this.#mark(),
      onAppended: ({ through, batches, ends }, mark) => {
        for (const [i, { partition }] of batches.entries()) this.#nextOffsets[partition] = ends[i]!;
        this.#through = maxLsn(this.#through, through);
        if (mark) this.#durable = { ...mark, nextOffsets: [...this.#nextOffsets], through: this.#through };
      },
    });
  }

  get plans(): readonly TablePlan[] {
    return [...this.#plans.values()];
  }

  /** OIDs of the tables that are captured. */
  get captured(): readonly number[] {
    return [...this.#plans].flatMap(([name, { relation }]) => (this.tables.get(name)?.gone ? [] : [relation.id]));
  }

  dropped(oid: number): void {
    const [name] = [...this.#plans].find(([, plan]) => plan.relation.id === oid)!;
    this.tables.set(name, { ...this.tables.get(name)!, gone: 'dropped' });
    this.#context.logger.error({ table: name }, `the source table ${name} was dropped`);
  }

  #ordered({ pipeline, table }: ResnapshotOrder): TablePlan | undefined {
    if (pipeline !== this.#context.pipeline.name) return undefined;
    const plan = this.#plans.get(table);
    if (plan && !this.tables.get(table)!.gone) {
      if (!this.#catalog.hasChanged(plan.relation.id)) return plan;
      // Begun again, capture plans with the columns of now, and the order comes once more.
      throw new FerryError('schema-changed', `the source table ${table} changed before it is copied again`);
    }
    this.#context.logger.error({ table }, `the source table ${table} is not captured, and so not copied again`);
    return undefined;
  }

  #repair({ pipeline, table, columns, rows }: RepairOrder): void {
    if (pipeline !== this.#context.pipeline.name) return;
    const plan = this.#plans.get(table);
    const why = plan ? this.#unrepairable(plan, columns) : 'it is not captured';
    if (why) return this.#context.logger.warn({ table }, `rows of ${table} are not repaired: ${why}`);
    this.repairs.join({ plan: plan!, rows, copy: this.windows.copyOf(plan!), era: this.windows.era });
  }

  /** @returns why rows of a table cannot be read again by themselves. */
  #unrepairable({ relation, key, partitionKey }: TablePlan, columns: readonly string[]): string | undefined {
    const { gone, done } = this.tables.get(sourceName(relation))!;
    if (gone || !done) return gone ? `it was ${gone}` : 'it is being copied';
    if (this.#catalog.hasChanged(relation.id)) return 'its columns have changed since capture was started';
    if (key.join('\n') !== columns.join('\n')) return `its rows are told apart by ${key.join(', ') || 'all columns'}`;
    if (!partitionKey.every((name) => key.includes(name))) return 'a key does not say which partition its row is in';
    const mappings = this.#context.pipeline.tables.filter(({ source }) => displayName(source) === sourceName(relation));
    // Rules read the whole old row there, and a key is not one.
    if (relation.identity === 'f' && !mappings.every(isMove)) return 'it has rules, and REPLICA IDENTITY FULL';
    return undefined;
  }

  #beginAgain(plan: TablePlan): void {
    const table = sourceName(plan.relation);
    this.tables.set(table, startedAgain(this.tables.get(table)!));
    if (plan.key.length === 0) this.#wholeCopies.get(table)!.beginsAgain();
    else this.windows.tableBeginsAgain(plan);
    this.copies.join(plan);
    this.#context.logger.info({ table }, `${table} is copied again`);
  }

  /** Truncates of a relation that the stream has brought. */
  truncates(relation: number): number {
    return this.windows.truncates(relation);
  }

  through(): Lsn {
    return this.#encoder.committedThrough;
  }

  take(message: Buffer): void {
    if (this.#hold.keeps(message)) return;
    const table = this.#mustAskAbout(message);
    if (table === undefined) this.#take(message);
    else void this.#ask(table, Buffer.from(message)).catch(this.#failAsking);
  }

  /** @returns the OID of a captured table of which the catalog may know more than we do. */
  #mustAskAbout(message: Buffer): number | undefined {
    if (message[0] === RELATION) return this.#changed(message);
    return message[0] === LOGICAL_MESSAGE ? this.#copiedAgain(message) : undefined;
  }

  /** Of a table that is to be copied again: the stream tells of its new columns with the next change only. */
  #copiedAgain(message: Buffer): number | undefined {
    const decoded = decode(message);
    if (decoded.tag !== 'message' || decoded.prefix !== MESSAGE.resnapshot) return undefined;
    const order = parseResnapshotOrder(decoded.content);
    if (order?.pipeline !== this.#context.pipeline.name || this.tables.get(order.table)?.gone) return undefined;
    return this.#plans.get(order.table)?.relation.id;
  }

  /** @returns the OID of a captured table that has come in another version than the catalog had. */
  #changed(message: Buffer): number | undefined {
    const decoded = decode(message);
    if (decoded.tag !== 'relation' || !this.#catalog.mustAsk(decoded.relation)) return undefined;
    return decoded.relation.id;
  }

  /** The stream waits until the catalog has said what it knows of the new version. */
  async #ask(relation: number, message: Buffer): Promise<void> {
    this.#standStill();
    const { xid } = this.#encoder.open;
    for (const [id, columns] of await this.#askCatalog(relation, xid)) this.#catalog.learn(id, columns);
    this.#refuseStalePlan(relation);
    this.#take(message);
    this.goOn();
  }

  /** A table that changes while it is copied is planned anew, and its copy goes on where it was. */
  #refuseStalePlan(relation: number): void {
    const [name] = [...this.#plans].find(([, plan]) => plan.relation.id === relation) ?? [];
    if (name === undefined || this.tables.get(name)!.done || !this.#catalog.hasChanged(relation)) return;
    throw new FerryError('schema-changed', `the source table ${name} changed while it was copied`);
  }

  #take(message: Buffer): void {
    const before = this.#encoder.capturedChanges;
    this.#encoder.take(message);
    this.#context.passed(this.#encoder.capturedChanges - before);
    this.publisher.poke();
  }

  /** Resolves once the stream has come to a message, and stands still there until {@link goOn}. */
  reach(plan: TablePlan, id: string): Promise<StreamAtRest> {
    const copy = this.#wholeCopies.get(sourceName(plan.relation))!;
    return new Promise((resolve) =>
      copy.expect(id, () => {
        this.#standStill();
        resolve(this.#atRest(plan, copy));
      }),
    );
  }

  /** What is kept may itself have to stand still: the next goes on from there. */
  goOn(): void {
    this.#hold.end((message) => this.take(message));
    if (!this.#hold.isHeld) this.publisher.release();
  }

  #standStill(): void {
    this.#hold.begin();
    this.publisher.hold();
  }

  #atRest(plan: TablePlan, copy: WholeCopy): StreamAtRest {
    const name = sourceName(plan.relation);
    if (this.tables.get(name)!.rows > 0) this.#encoder.writeEmptied(plan);
    const write = (text: Buffer, mark: ChunkMark | undefined) => {
      const rows = lineStarts(text).length - 1;
      this.#encoder.writeRows({ plan, chunk: { rows, mark }, reconciled: { text, rows, gaveWay: 0 } });
      this.#context.passed(rows);
      this.publisher.poke();
    };
    return {
      isStale: (snapshot) => this.windows.isStale(snapshot),
      rows: async (text) => {
        write(text, undefined);
        await this.publisher.drained();
      },
      finish: (seen) => {
        copy.copied(seen);
        write(Buffer.alloc(0), { final: true, seen });
      },
    };
  }

  async putStates(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await sleep(STATE_INTERVAL_MS, undefined, { signal }).catch(() => {});
      await this.putState();
    }
  }

  async putState(): Promise<void> {
    const durable = this.#durable;
    this.#durable = undefined;
    this.#markDue = true;
    if (!durable) return;
    await failpoint('capture.state-due');
    const isCopying = [...this.tables.values()].some(({ done }) => !done);
    const unseen = isCopying ? this.windows.unseen(await this.#askSnapshot()) : undefined;
    await this.#context.log.control.put(CAPTURE_STATE, captureState(this.#topic, { ...durable, unseen }));
  }

  #prepareTable(plan: TablePlan, moved: ReadonlyMap<string, readonly MovedRow[]>): void {
    const name = sourceName(plan.relation);
    const { group: _, ...known } = this.tables.get(name) ?? NOT_STARTED;
    const state = { ...known, oid: plan.relation.id, ...(plan.group === undefined ? {} : { group: plan.group }) };
    this.tables.set(name, state);
    if (plan.key.length === 0) this.#wholeCopies.set(name, new WholeCopy(state));
    if (state.done || plan.key.length === 0) return;
    const keys = (moved.get(name) ?? []).map(({ columns, row }) =>
      JSON.stringify(plan.key.map((column) => row[columns.indexOf(column)] || '')),
    );
    this.windows.tableStarted(plan, [...state.rereads, ...keys]);
  }

  /** A copy of the counts as of the records that are being appended; made once a second. */
  #mark(): Mark | undefined {
    if (!this.#markDue) return undefined;
    this.#markDue = false;
    const { read, deduplicated, captured } = this.#tallies;
    return {
      tallies: { read: new Map(read), deduplicated: new Map(deduplicated), captured: new Map(captured) },
      tables: this.windows.withRereads(this.tables),
      time: this.#encoder.committedTime,
      turn: this.#encoder.turn,
    };
  }
}

/** First bytes of pgoutput's messages. */
const RELATION = 0x52;
const LOGICAL_MESSAGE = 0x4d;

/** Often enough for a progress bar; a start reads at most so much of the log again. */
const STATE_INTERVAL_MS = 500;
