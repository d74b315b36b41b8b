import type { Lsn } from '../../core/lsn.js';
import type { Position } from '../../core/position.js';
import type { RowLine, RowsLine } from '../../core/record.js';
import { type ChangeSet, fold, foldWhole, type Move } from './fold.js';
import { widened } from './fold-joined.js';
import { JoinedTables } from './joined-tables.js';
import type { Letter, Origin, Place } from './letter.js';
import { countRow, type RowCounts } from './row-counts.js';
import type { VersionSeen } from './table-gate.js';
import { isKeyless, type Join, type TableShape } from './table-shape.js';

/** A snapshot's rows, as COPY text. */
export interface RowBlock {
  readonly shape: TableShape;
  readonly line: RowsLine;
  readonly text: Buffer;
}

/** What is written to tables. */
export type TableStep =
  | { readonly kind: 'changes'; readonly set: ChangeSet }
  | { readonly kind: 'move'; readonly move: Move }
  | { readonly kind: 'counts'; readonly set: RowCounts }
  | { readonly kind: 'rows'; readonly block: RowBlock }
  | { readonly kind: 'truncate'; readonly shapes: readonly TableShape[]; readonly restartIdentity: boolean };

export type ChangesStep = Extract<TableStep, { kind: 'changes' }>;

/** What is put down in the transaction that writes the rows before it. */
export interface CommitPoint {
  readonly progress: Progress;
  /** Changes since the commit point before. */
  readonly applied: Applied;
  readonly news: News;
}

/** What the rows since the last commit point say of their tables. */
export interface News {
  /** Display names of the source tables whose snapshot ends in them. */
  readonly copied: readonly string[];
  /** Versions of relations whose first rows are among them. */
  readonly versions: readonly VersionSeen[];
}

/** What comes before is committed here, though it may be within a source transaction. */
export interface CheckpointStep extends CommitPoint {
  readonly kind: 'checkpoint';
}

/** An event that every partition of the topic has: done once, when all have come to it. */
export interface EverywhereStep extends CommitPoint {
  readonly kind: 'everywhere';
  readonly step: Exclude<TableStep, { kind: 'rows' }>;
  readonly origin: Origin;
}

/** A change that is not written, because one that it must follow stands in the dead letters. */
export interface LetterStep {
  readonly kind: 'letter';
  readonly letter: Letter;
}

/** What is written one after the other; steps of different tables do not depend on each other. */
export type Step = TableStep | CheckpointStep | EverywhereStep | LetterStep;

/** The checkpoint that stands once a batch is written. */
export interface Progress {
  readonly nextOffset: number;
  readonly position: Position;
  /** The first LSN behind the last whole transaction. */
  readonly commitEnd: Lsn;
  readonly commitTime: string | null;
}

/** Row changes of one table: written, set aside, and those that nobody applies any more. */
export interface AppliedCount {
  readonly source: string;
  readonly target: string;
  count: number;
  deadLettered: number;
  dropped?: number;
}

/** By source and target table. */
export type Applied = Map<string, AppliedCount>;

/** Counts row changes of a table; what was counted as written before may be taken back. */
export function countApplied(
  applied: Applied,
  table: Pick<TableShape, 'source' | 'name'>,
  more: { readonly count?: number; readonly deadLettered?: number; readonly dropped?: number },
): void {
  const { count = 0, deadLettered = 0, dropped } = more;
  const entry = appliedOf(applied, table);
  entry.count += count;
  entry.deadLettered += deadLettered;
  if (dropped) entry.dropped = (entry.dropped ?? 0) + dropped;
}

function appliedOf(applied: Applied, { source, name }: Pick<TableShape, 'source' | 'name'>): AppliedCount {
  const key = `${source} ${name}`;
  const known = applied.get(key);
  if (known) return known;
  const entry: AppliedCount = { source, target: name, count: 0, deadLettered: 0 };
  applied.set(key, entry);
  return entry;
}

export function addApplied(sum: Applied, more: Applied): void {
  for (const [key, entry] of more) {
    const known = sum.get(key);
    if (known) {
      known.count += entry.count;
      known.deadLettered += entry.deadLettered;
      if (entry.dropped) known.dropped = (known.dropped ?? 0) + entry.dropped;
    } else {
      sum.set(key, { ...entry });
    }
  }
}

/**
 * What was read and not written yet, folded. Pure: records in, steps out.
 */
export class Batch {
  readonly steps: Step[] = [];
  #applied: Applied = new Map();
  /** Of the table that came last: its text is not made anew for each of its rows. */
  #counted: { readonly shape: TableShape; readonly applied: Applied; readonly entry: AppliedCount } | undefined;
  #copied: string[] = [];
  #versions: VersionSeen[] = [];
  bytes = 0;
  changes = 0;
  progress: Progress;
  /** The last event was a commit: a target transaction may end here. */
  isComplete = true;
  /** Of a batch that does not fold: where the event that is being taken stands. */
  place: Place | undefined;
  /** Of a batch that does not fold: where its steps come from. */
  readonly origins = new Map<TableStep, Origin>();
  readonly #open = new Map<number, ChangeSet>();
  readonly #counting = new Map<number, RowCounts>();
  readonly joined: JoinedTables;
  readonly isFolding: boolean;

  /**
   * @param isFolding false writes each change on its own, to find the one that the target refuses; of joined tables what a
   *   transaction has of them.
   * @param before whose transaction goes on in this one.
   */
  constructor(progress: Progress, isFolding: boolean, before?: Batch) {
    this.progress = progress;
    this.isFolding = isFolding;
    this.isComplete = before?.isComplete ?? true;
    this.joined = new JoinedTables(before?.isComplete === false ? before.joined : undefined);
  }

  get isEmpty(): boolean {
    return this.bytes === 0;
  }

  /** What follows the last commit point within the batch. */
  get rest(): CommitPoint {
    return {
      progress: this.progress,
      applied: this.#applied,
      news: { copied: this.#copied, versions: this.#versions },
    };
  }

  /** The first row of a version comes. */
  version(seen: VersionSeen): void {
    this.#versions.push(seen);
  }

  /** Rows that nobody applies any more. */
  leaveOut(table: Pick<TableShape, 'source' | 'name'>, rows: number): void {
    countApplied(this.#applied, table, { dropped: rows });
  }

  /** @param at commit time, where others write to the target, too. */
  row(shape: TableShape, row: RowLine, at?: string): void {
    this.#count(shape, 1);
    if (shape.join) return this.#joinedRow(shape, shape.join, row);
    if (isKeyless(shape)) return this.#keylessRow(shape, row);
    const set = this.#changeSet(shape);
    const move = fold(set, row, at);
    if (move) {
      this.#close(shape);
      if (set.changes.size === 0) this.steps.pop();
      this.steps.push({ kind: 'move', move });
    } else if (!this.isFolding) {
      this.#close(shape);
    }
    if (!this.isFolding) this.#came(row);
  }

  /**
   * Takes a row that a record says whole, by its bytes: see {@link foldWhole}.
   * @returns false where its values must be read.
   */
  wholeRow(shape: TableShape, record: Buffer, at: number, end: number): boolean {
    if (!this.isFolding || isKeyless(shape) || shape.join) return false;
    if (!foldWhole(this.#changeSet(shape), record, at, end)) return false;
    this.#count(shape, 1);
    return true;
  }

  #joinedRow(shape: TableShape, join: Join, row: RowLine): void {
    const step = this.joined.take(join, widened(join, row), (step) => this.steps.push(step));
    if (this.isFolding) return;
    const before = this.origins.get(step);
    this.origins.set(step, { place: this.place!, row, shape, ...(before ? { before } : {}) });
  }

  #keylessRow(shape: TableShape, row: RowLine): void {
    let set = this.#counting.get(shape.relation.id);
    if (set?.shape !== shape) {
      set = { shape, counts: new Map() };
      this.#counting.set(shape.relation.id, set);
      this.steps.push({ kind: 'counts', set });
    }
    countRow(set, row);
    if (this.isFolding) return;
    this.#close(shape);
    this.#came(row);
  }

  rows(shape: TableShape, line: RowsLine, text: Buffer): void {
    this.#count(shape, line.rows);
    this.#close(shape);
    if (line.rows > 0) {
      this.steps.push({ kind: 'rows', block: { shape, line, text } });
      if (!this.isFolding) this.#came();
    }
    if (line.chunk?.final) this.#copied.push(shape.source);
  }

  truncate(shapes: readonly TableShape[], restartIdentity: boolean): void {
    for (const shape of shapes) {
      this.#count(shape, 1);
      this.#close(shape);
    }
    this.steps.push({ kind: 'truncate', shapes, restartIdentity });
    if (!this.isFolding) this.#came();
  }

  /** Takes a change that is not written. */
  follow(letter: Letter): void {
    this.changes += letter.shapes.length;
    for (const shape of letter.shapes) countApplied(this.#applied, shape, { deadLettered: 1 });
    this.steps.push({ kind: 'letter', letter });
  }

  /** The source transaction ends. */
  transactionEnds(): void {
    this.joined.transactionEnds();
    if (!this.isFolding) this.joined.close();
  }

  /** Commits what was taken so far. */
  checkpoint(progress: Progress): void {
    this.#open.clear();
    this.#counting.clear();
    this.joined.close();
    this.steps.push({ kind: 'checkpoint', ...this.#take(progress) });
  }

  everywhere(shapes: readonly TableShape[], event: Pick<EverywhereStep, 'step' | 'origin'>, progress: Progress): void {
    for (const shape of shapes) this.#count(shape, 1);
    this.steps.push({ kind: 'everywhere', ...event, ...this.#take(progress) });
  }

  /** Says where the last step comes from. */
  #came(row?: RowLine): void {
    const origin = { place: this.place!, ...(row ? { row } : {}) };
    this.origins.set(this.steps.at(-1) as TableStep, origin);
  }

  #take(progress: Progress): CommitPoint {
    const point = { ...this.rest, progress };
    this.#applied = new Map();
    this.#copied = [];
    this.#versions = [];
    return point;
  }

  #changeSet(shape: TableShape): ChangeSet {
    const open = this.#open.get(shape.relation.id);
    if (open && open.shape === shape) return open;
    const set: ChangeSet = { shape, changes: new Map() };
    this.#open.set(shape.relation.id, set);
    this.steps.push({ kind: 'changes', set });
    return set;
  }

  #close(shape: TableShape): void {
    this.#open.delete(shape.relation.id);
    this.#counting.delete(shape.relation.id);
  }

  #count(shape: TableShape, rows: number): void {
    this.changes += rows;
    if (this.#counted?.shape !== shape || this.#counted.applied !== this.#applied) {
      this.#counted = { shape, applied: this.#applied, entry: appliedOf(this.#applied, shape) };
    }
    this.#counted.entry.count += rows;
  }
}
