import { LSN_ZERO, type Lsn, parseLsn } from '../../core/lsn.js';
import { isAfter, type Position } from '../../core/position.js';
import { type RowLine, type RowsLine, relationFromLine } from '../../core/record.js';
import { RecordScanner } from '../../core/record-scanner.js';
import { type ChangeSet, fold, type Move } from './fold.js';
import { fitBlock, fitRow, type TableGate, type Version, type VersionSeen } from './table-gate.js';
import type { TableShape } from './table-shape.js';

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
  | { readonly kind: 'rows'; readonly block: RowBlock }
  | { readonly kind: 'truncate'; readonly shapes: readonly TableShape[]; readonly restartIdentity: boolean };

/** What comes before is committed here, though it may be within a source transaction. */
export interface CheckpointStep {
  readonly kind: 'checkpoint';
  readonly progress: Progress;
  /** Changes since the step before of this kind. */
  readonly applied: Applied;
}

/** An event that every partition of the topic has: done once, when all have come to it. */
export interface EverywhereStep {
  readonly kind: 'everywhere';
  readonly step: TableStep;
  /** The checkpoint behind it. */
  readonly progress: Progress;
  readonly applied: Applied;
}

/** What is written one after the other; steps of different tables do not depend on each other. */
export type Step = TableStep | CheckpointStep | EverywhereStep;

/** The checkpoint that stands once a batch is written. */
export interface Progress {
  readonly nextOffset: number;
  readonly position: Position;
  /** The first LSN behind the last whole transaction. */
  readonly commitEnd: Lsn;
  readonly commitTime: string | null;
}

/** Row changes by source and target table. */
export type Applied = Map<string, { readonly source: string; readonly target: string; count: number }>;

export function addApplied(sum: Applied, more: Applied): void {
  for (const [key, entry] of more) {
    const known = sum.get(key);
    if (known) known.count += entry.count;
    else sum.set(key, { ...entry });
  }
}

/**
 * What was read and not written yet, folded. Pure: records in, steps out.
 */
export class Batch {
  readonly steps: Step[] = [];
  readonly applied: Applied = new Map();
  /** Display names of the source tables whose snapshot ends in this batch. */
  readonly copied: string[] = [];
  /** Versions of relations whose first rows are in this batch. */
  readonly versions: VersionSeen[] = [];
  bytes = 0;
  changes = 0;
  progress: Progress;
  /** The last event was a commit: a target transaction may end here. */
  isComplete = true;
  readonly #open = new Map<number, ChangeSet>();
  readonly #isFolding: boolean;

  /** @param isFolding false writes each change on its own, to find the one that the target refuses. */
  constructor(progress: Progress, isFolding: boolean) {
    this.progress = progress;
    this.#isFolding = isFolding;
  }

  get isEmpty(): boolean {
    return this.bytes === 0;
  }

  row(shape: TableShape, row: RowLine): void {
    this.#count(shape, 1);
    const set = this.#changeSet(shape);
    const move = fold(set, row);
    if (move) {
      this.#close(shape);
      this.steps.push({ kind: 'move', move });
    } else if (!this.#isFolding) {
      this.#close(shape);
    }
  }

  rows(shape: TableShape, line: RowsLine, text: Buffer): void {
    this.#count(shape, line.rows);
    this.#close(shape);
    if (line.rows > 0) this.steps.push({ kind: 'rows', block: { shape, line, text } });
    if (line.chunk?.final) this.copied.push(shape.source);
  }

  truncate(shapes: readonly TableShape[], restartIdentity: boolean): void {
    for (const shape of shapes) {
      this.#count(shape, 1);
      this.#close(shape);
    }
    this.steps.push({ kind: 'truncate', shapes, restartIdentity });
  }

  /** Commits what was taken so far. */
  checkpoint(progress: Progress): void {
    this.#open.clear();
    this.steps.push({ kind: 'checkpoint', progress, applied: this.#takeApplied() });
  }

  everywhere(shapes: readonly TableShape[], step: TableStep, progress: Progress): void {
    for (const shape of shapes) this.#count(shape, 1);
    this.steps.push({ kind: 'everywhere', step, progress, applied: this.#takeApplied() });
  }

  #takeApplied(): Applied {
    const applied = new Map(this.applied);
    this.applied.clear();
    return applied;
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
  }

  #count(shape: TableShape, rows: number): void {
    this.changes += rows;
    const key = `${shape.source} ${shape.name}`;
    const entry = this.applied.get(key);
    if (entry) entry.count += rows;
    else this.applied.set(key, { source: shape.source, target: shape.name, count: rows });
  }
}

/**
 * Reads domain records into batches: drops what the checkpoint has and what a late append put into the topic again,
 * and lets through what the gate does.
 */
export class BatchReader {
  readonly #gate: TableGate;
  readonly #commitsEach: boolean;
  /** By the relation line's text. */
  readonly #versions = new Map<string, Version>();
  readonly #byId = new Map<number, Version>();
  /** The last position taken. */
  #afterLsn: Lsn;
  #afterIndex: number;
  readonly #until: Position | undefined;
  #lsn = LSN_ZERO as Lsn;
  #time: string | null = null;

  /**
   * @param options.commitsEach commits every event on its own, without regard to source transactions.
   * @param options.until what comes behind it is dropped.
   */
  constructor(after: Position, gate: TableGate, options: { commitsEach?: boolean; until?: Position } = {}) {
    this.#commitsEach = options.commitsEach ?? false;
    this.#until = options.until;
    this.#afterLsn = after.lsn;
    this.#afterIndex = after.index;
    this.#gate = gate;
  }

  /** @throws ChangeDue, and what {@link TableGate.arrive} throws. */
  read(record: Buffer, offset: number, batch: Batch): void {
    const scanner = new RecordScanner(record);
    while (scanner.next()) {
      switch (scanner.kind) {
        case 'transaction': {
          const line = scanner.transaction();
          this.#lsn = parseLsn(line.tx);
          this.#time = line.time;
          break;
        }
        case 'relation':
          this.#relation(scanner);
          break;
        default:
          this.#event(record, offset, scanner, batch);
      }
    }
    batch.bytes += record.length;
    batch.progress = { ...batch.progress, nextOffset: offset + 1 };
  }

  #event(record: Buffer, offset: number, scanner: RecordScanner, batch: Batch): void {
    if (scanner.index <= this.#afterIndex && this.#lsn === this.#afterLsn) return;
    if (this.#lsn < this.#afterLsn) return;
    if (this.#until && isAfter({ lsn: this.#lsn, index: scanner.index }, this.#until)) return;
    this.#afterLsn = this.#lsn;
    this.#afterIndex = scanner.index;
    batch.isComplete = scanner.kind === 'commit';
    switch (scanner.kind) {
      case 'row': {
        const version = this.#byId.get(scanner.relation)!;
        const shape = this.#shapeOf(version, offset, batch);
        if (!shape) break;
        const row = fitRow(version, scanner.row());
        if (row.everywhere) this.#everywhere([shape], stepOf(shape, row), offset, batch);
        else batch.row(shape, row);
        break;
      }
      case 'rows': {
        const version = this.#byId.get(scanner.relation)!;
        const shape = this.#shapeOf(version, offset, batch);
        if (!shape) break;
        const { line, text } = fitBlock(version, scanner.rows(), record.subarray(scanner.bodyStart, scanner.end));
        batch.rows(shape, line, text);
        break;
      }
      case 'truncate': {
        const { relations, restartIdentity, everywhere } = scanner.truncate();
        const shapes = relations.flatMap((id) => this.#shapeOf(this.#byId.get(id)!, offset, batch) ?? []);
        if (shapes.length === 0) break;
        if (everywhere) this.#everywhere(shapes, { kind: 'truncate', shapes, restartIdentity }, offset, batch);
        else batch.truncate(shapes, restartIdentity);
        break;
      }
      case 'commit':
        batch.progress = {
          ...batch.progress,
          position: { lsn: this.#lsn, index: scanner.index },
          commitEnd: parseLsn(scanner.commit().end),
          commitTime: this.#time,
        };
        break;
      default:
        break;
    }
    if (this.#commitsEach) batch.checkpoint(this.#within(offset, batch));
  }

  /** @returns undefined for what is held. */
  #shapeOf(version: Version, offset: number, batch: Batch): TableShape | undefined {
    if (version.track.current === version) return version.shape;
    const position = { lsn: this.#afterLsn, index: this.#afterIndex };
    const seen = this.#gate.arrive(version, { position, offset });
    if (seen) batch.versions.push(seen);
    return version.shape;
  }

  /** Lets the batch end here, in the middle of a source transaction or not. */
  endHere(offset: number, batch: Batch): void {
    batch.progress = this.#within(offset, batch);
    batch.isComplete = true;
  }

  #everywhere(shapes: readonly TableShape[], step: TableStep, offset: number, batch: Batch): void {
    const progress = this.#within(offset, batch);
    const { position } = progress;
    batch.checkpoint({ ...progress, position: { ...position, index: position.index - 1 } });
    batch.everywhere(shapes, step, progress);
  }

  /** Behind the event just taken; what follows it in its record is read from there again. */
  #within(offset: number, batch: Batch): Progress {
    return { ...batch.progress, nextOffset: offset, position: { lsn: this.#afterLsn, index: this.#afterIndex } };
  }

  #relation(scanner: RecordScanner): void {
    const text = scanner.relationText();
    let version = this.#versions.get(text);
    if (!version) {
      version = this.#gate.version(relationFromLine(scanner.relationLine()));
      this.#versions.set(text, version);
    }
    this.#byId.set(version.relation.id, version);
  }
}

function stepOf(shape: TableShape, row: RowLine): TableStep {
  const set: ChangeSet = { shape, changes: new Map() };
  const move = fold(set, row);
  return move ? { kind: 'move', move } : { kind: 'changes', set };
}
