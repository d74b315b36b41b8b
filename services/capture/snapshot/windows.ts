import type { Tuple } from '../../../core/record.js';
import { type Relation, sourceName } from '../../../core/relation.js';
import type { TableSnapshotState } from '../../../core/stage-state.js';
import { NONE, oldTupleAt, type RowMessage } from '../pgoutput/decode.js';
import { readTuple } from '../pgoutput/tuple.js';
import type { Chunk, ReconciledChunk, TablePlan } from './chunk.js';
import { DeliveredXids, isStale, type SnapshotXids } from './delivered-xids.js';
import { WatermarkWindow } from './watermark-window.js';

/** Keys that must be read again, as JSON arrays of texts, and the number of the move that made each so. */
export type Rereads = ReadonlyMap<string, number>;

/** A chunk whose high watermark has come, for the encoder to write and the reader of chunks to hear of. */
export interface ClosedWindow {
  readonly plan: TablePlan;
  readonly chunk: Pick<Chunk, 'rows' | 'mark'>;
  readonly reconciled: ReconciledChunk;
  /** Keys whose rows go from the target before the chunk's come. */
  readonly gone?: readonly (readonly string[])[];
}

interface OpenWindow {
  readonly plan: TablePlan;
  readonly window: WatermarkWindow;
  chunk: Chunk | undefined;
  /** Called in the stream's order. */
  readonly closed: (outcome: Outcome) => void;
  readonly repair: RepairWindow | undefined;
}

/** A chunk of rows that differ in the target. */
export interface RepairWindow {
  /** {@link SnapshotWindows.era} of its order. */
  readonly era: number;
  /** Keys of rows that the target has too many: they go, but for those that a change in the window was about. */
  readonly extra: readonly (readonly string[])[];
}

/** `begun-again`: the table's copy has, or the repair is over, and the chunk is no part of it. */
export type Outcome = 'published' | 'stale' | 'begun-again';

/**
 * The snapshot's side of the stream: windows that wait for their watermarks, the transactions delivered so far, and
 * the rows that must be read again because a key change took them out of a chunk without their TOAST values.
 */
export class SnapshotWindows {
  readonly #windows = new Map<string, OpenWindow>();
  readonly #byRelation = new Map<number, Set<OpenWindow>>();
  readonly #delivered = new DeliveredXids();
  /** Tables whose snapshot is not finished, by relation id, with the keys to read again, as JSON. */
  readonly #copying = new Map<number, { plan: TablePlan; rereads: Map<string, number> }>();
  /** By relation id: how often its copy has begun again. */
  readonly #copies = new Map<number, number>();
  readonly #truncates = new Map<number, number>();
  #moves = 0;
  #repairs = 0;
  #era = 0;

  /** Rises where repairs end that were ordered before. */
  get era(): number {
    return this.#era;
  }

  /** The table's snapshot begins, or goes on after a restart with the keys that were still to be read. */
  tableStarted(plan: TablePlan, rereads: Iterable<string> = []): void {
    const due = new Map([...rereads].map((key) => [key, this.#moves]));
    this.#copying.set(plan.relation.id, { plan, rereads: due });
  }

  /** The table's snapshot begins again: chunks that are on their way are left out. */
  tableBeginsAgain(plan: TablePlan): void {
    const { id } = plan.relation;
    this.#copies.set(id, this.copyOf(plan) + 1);
    for (const [key, open] of this.#windows) {
      if (open.plan.relation.id !== id) continue;
      this.abandon(key);
      open.closed('begun-again');
    }
    this.tableStarted(plan);
  }

  /** Which copy of the table it is that chunks are read for. */
  copyOf({ relation }: TablePlan): number {
    return this.#copies.get(relation.id) ?? 0;
  }

  /** @param copy another one may have begun meanwhile, and is not finished then. */
  tableFinished(plan: TablePlan, copy = this.copyOf(plan)): void {
    if (copy === this.copyOf(plan)) this.#copying.delete(plan.relation.id);
  }

  /** What a chunk of its own must read. */
  rereads(plan: TablePlan): Rereads {
    return this.#copying.get(plan.relation.id)?.rereads ?? new Map();
  }

  /** They were read; a row that has moved to one of the keys since then must be read once more. */
  reread(plan: TablePlan, keys: Rereads): void {
    const due = this.#copying.get(plan.relation.id)?.rereads;
    for (const [key, move] of keys) if (due?.get(key) === move) due.delete(key);
  }

  /** The tables' states with the keys that are still to be read again: what a restart must know. */
  withRereads(states: ReadonlyMap<string, TableSnapshotState>): Map<string, TableSnapshotState> {
    const all = new Map(states);
    for (const { plan, rereads } of this.#copying.values()) {
      const name = sourceName(plan.relation);
      const state = states.get(name);
      if (state) all.set(name, { ...state, rereads: [...rereads.keys()] });
    }
    return all;
  }

  /** Truncates of a relation that the stream has brought. */
  truncates(relation: number): number {
    return this.#truncates.get(relation) ?? 0;
  }

  /** @param of.copy that the chunk is for. */
  expect(
    id: string,
    plan: TablePlan,
    closed: OpenWindow['closed'],
    of: { readonly copy?: number; readonly repair?: RepairWindow | undefined } = {},
  ): void {
    const { copy = this.copyOf(plan), repair } = of;
    if (copy !== this.copyOf(plan) || (repair && repair.era !== this.#era)) return closed('begun-again');
    const keyIndexes = plan.key.map((name) => plan.columns.indexOf(name));
    this.#windows.set(id, { plan, window: new WatermarkWindow(keyIndexes), chunk: undefined, closed, repair });
    if (repair) this.#repairs++;
  }

  /**
   * A marker came: somebody counts on all that is before it, and on nothing behind it. No repair may bring the source's
   * rows to a target that serves by then.
   */
  endRepairs(): void {
    this.#era++;
    for (const [id, open] of this.#windows) {
      if (!open.repair) continue;
      this.abandon(id);
      open.closed('begun-again');
    }
  }

  fill(id: string, chunk: Chunk): void {
    const open = this.#windows.get(id);
    // Its table's copy has begun again.
    if (!open) return;
    open.chunk = chunk;
    open.window.fill(chunk);
  }

  /** A window whose chunk could not be read. */
  abandon(id: string): void {
    const open = this.#windows.get(id);
    if (!open) return;
    this.#windows.delete(id);
    if (open.repair) this.#repairs--;
    this.#byRelation.get(open.plan.relation.id)?.delete(open);
  }

  delivered(xid: number): void {
    this.#delivered.add(xid);
  }

  /** Delivered transactions that a snapshot has not seen: what a restart must know. */
  unseen({ running }: SnapshotXids): number[] {
    return [...running].filter((xid) => this.#delivered.has(xid));
  }

  /** A snapshot that is taken now had not seen a transaction that the stream has delivered. */
  isStale(snapshot: SnapshotXids): boolean {
    return isStale(this.#delivered.mark(), snapshot);
  }

  /** A watermark of another process's life is nobody's: ignored. */
  low(id: string): void {
    const open = this.#windows.get(id);
    if (!open) return;
    open.window.opened(this.#delivered);
    const relation = open.plan.relation.id;
    const others = this.#byRelation.get(relation) ?? new Set();
    this.#byRelation.set(relation, others.add(open));
  }

  /** @returns the chunk to write into the log at this place, if there is one. */
  high(id: string): ClosedWindow | undefined {
    const open = this.#windows.get(id);
    if (!open) return undefined;
    this.abandon(id);
    const reconciled = open.window.close();
    if (reconciled === 'stale' || !open.chunk) {
      open.closed('stale');
      return undefined;
    }
    open.closed('published');
    const { plan, chunk, window, repair } = open;
    return { plan, chunk, reconciled, ...(repair ? { gone: window.untouched(repair.extra) } : {}) };
  }

  /** A row change passes; only tables that are being copied or repaired look at it. */
  row(message: Buffer, row: RowMessage, relation: Relation): void {
    const copying = this.#copying.get(row.relation);
    if (!copying && this.#repairs === 0) return;
    const windows = this.#byRelation.get(row.relation);
    const oldAt = oldTupleAt(row);
    // Of a table that is not copied, apply moves the row with the values that the stream does not carry.
    const movesKey = copying !== undefined && row.op === 'u' && oldAt !== NONE;
    const [open] = windows ?? [];
    if (!open && !movesKey) return;
    const plan = copying?.plan ?? open!.plan;
    const reorder = columnOrder(relation, plan);
    const tuple = (at: number) => {
      const values = readTuple(message, at);
      return reorder ? reorder.map((index) => values[index] ?? null) : values;
    };
    const old = oldAt !== NONE ? tuple(oldAt) : undefined;
    const now = row.newAt !== NONE ? withOld(tuple(row.newAt), old) : undefined;
    for (const { window } of windows ?? []) {
      if (row.op === 'c') window.created(now!);
      else if (row.op === 'd') window.deleted(old!);
      else window.updated(now!, old);
    }
    if (movesKey && now!.includes(false)) {
      copying.rereads.set(JSON.stringify(keyOf(now!, plan)), ++this.#moves);
    }
  }

  truncate(relations: readonly number[]): void {
    for (const id of relations) this.#truncates.set(id, this.truncates(id) + 1);
    for (const id of relations) for (const { window } of this.#byRelation.get(id) ?? []) window.truncated();
  }
}

/** The old row or key has values that the new row calls unchanged; outside the key columns an old key has nulls. */
function withOld(row: Tuple, old: Tuple | undefined): Tuple {
  return old ? row.map((value, i) => (value === false ? old[i] || false : value)) : row;
}

function keyOf(row: readonly (string | null | false)[], plan: TablePlan): string[] {
  return plan.key.map((name) => row[plan.columns.indexOf(name)] || '');
}

/** Where the plan's columns stand in the relation; undefined when they are the same. */
function columnOrder(relation: Relation, plan: TablePlan): number[] | undefined {
  const names = relation.columns.map((column) => column.name);
  if (names.length === plan.columns.length && names.every((name, i) => name === plan.columns[i])) return undefined;
  return plan.columns.map((name) => names.indexOf(name));
}
