import type { RowLine } from '../../core/record.js';
import type { ChangesStep, TableStep } from './batch.js';
import { type Born, foldJoined } from './fold-joined.js';
import type { Join, TableShape } from './table-shape.js';

/** The joined tables of a batch: each has one change set, whichever relation its rows come from. */
export class JoinedTables {
  /** By what the relations have in common. */
  readonly #open = new Map<TableShape, ChangesStep>();
  readonly #born: Born;

  /** @param before of the batch whose source transaction goes on in this one. */
  constructor(before: JoinedTables | undefined) {
    this.#born = before ? before.#born : new Map();
  }

  /** Rows may not be whole yet. */
  get isOpen(): boolean {
    return this.#open.size > 0;
  }

  /**
   * Takes a change.
   * @param event as `widened` makes it.
   * @param push takes steps that are new.
   * @returns the step that has the change.
   */
  take(join: Join, event: RowLine, push: (step: TableStep) => void): TableStep {
    const open = this.#stepOf(join.whole, push);
    const folded = foldJoined(open.set, join.role, event, this.#born);
    if (!folded) return open;
    this.#open.delete(join.whole);
    if (folded === 'behind') return this.take(join, event, push);
    const step: TableStep = { kind: 'move', move: folded };
    push(step);
    return step;
  }

  /** What follows is written behind what was taken. */
  close(): void {
    this.#open.clear();
  }

  transactionEnds(): void {
    this.#born.clear();
  }

  #stepOf(whole: TableShape, push: (step: TableStep) => void): ChangesStep {
    const open = this.#open.get(whole);
    if (open) return open;
    const step: ChangesStep = { kind: 'changes', set: { shape: whole, changes: new Map() } };
    this.#open.set(whole, step);
    push(step);
    return step;
  }
}
