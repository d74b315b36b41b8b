import { type Lsn, parseLsn } from '../../../core/lsn.js';
import type { SeenChanges } from '../../../core/record.js';
import type { TableSnapshotState } from '../../../core/stage-state.js';
import { hasSeen, parseSnapshot, type SnapshotXids } from './delivered-xids.js';

/**
 * The copy of a table without a key. Its rows cannot give way to changes one by one, so it is copied at one place of the
 * stream, in one snapshot, while the stream stands still there. What the stream brings before is in the copy; what comes
 * behind is in it just when the snapshot had seen its transaction.
 */
export class WholeCopy {
  #seen: { readonly snapshot: SnapshotXids; readonly until: Lsn } | undefined;
  #isCopied: boolean;
  #expected: { readonly id: string; readonly reached: () => void } | undefined;

  /** @param state as it was found in the log. */
  constructor(state: TableSnapshotState) {
    this.#isCopied = state.done;
    if (state.done && state.seen) this.copied(state.seen);
  }

  /** @param reached is called when the stream comes to the message of that content, in a transaction that is open then. */
  expect(id: string, reached: () => void): void {
    this.#expected = { id, reached };
  }

  /** A message of another process's life is nobody's. */
  comeTo(id: string): void {
    if (this.#expected?.id === id) this.#expected.reached();
  }

  /** What it had counts no more; one that is expected comes behind this, and is the new one. */
  beginsAgain(): void {
    this.#seen = undefined;
    this.#isCopied = false;
  }

  copied(seen: SeenChanges): void {
    this.#seen = { snapshot: parseSnapshot(seen.snapshot), until: parseLsn(seen.until) };
    this.#isCopied = true;
  }

  /** Whether the copy has, or will have, what a transaction did. */
  covers(transaction: { readonly xid: number; readonly commitLsn: Lsn }): boolean {
    if (!this.#isCopied) return true;
    const seen = this.#seen;
    return seen !== undefined && transaction.commitLsn < seen.until && hasSeen(seen.snapshot, transaction.xid);
  }
}
