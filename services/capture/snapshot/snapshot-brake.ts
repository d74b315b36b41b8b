import { setTimeout as sleep } from 'node:timers/promises';
import type { ClientBase } from 'pg';
import { type WalUse, walUse } from '../../../core/wal-budget.js';
import { readSlot } from '../../../platform/read-slot.js';
import { untilAborted } from '../until-aborted.js';

const MEASURE_INTERVAL_MS = 1_000;

/** Lets the snapshot wait while the stream has to catch up: what is read meanwhile would make the log slower still. */
export class SnapshotBrake {
  readonly #bytes: number | undefined;
  #use: WalUse = 'within';

  constructor(capture: { readonly walBudgetBytes?: number | undefined; readonly onWalBudget: string }) {
    this.#bytes = capture.onWalBudget === 'throttle' ? capture.walBudgetBytes : undefined;
  }

  /** Measures until the signal fires. */
  async measure(source: ClientBase, slot: string, signal: AbortSignal): Promise<void> {
    if (this.#bytes === undefined) return untilAborted(signal);
    while (!signal.aborted) {
      const retainedBytes = (await readSlot(source, slot))?.retainedBytes ?? 0;
      this.#use = walUse(retainedBytes, { bytes: this.#bytes });
      await sleep(MEASURE_INTERVAL_MS, undefined, { signal }).catch(() => {});
    }
  }

  /** Resolves once there is room for another chunk. */
  async room(signal: AbortSignal): Promise<void> {
    while (this.#use === 'exceeded' && !signal.aborted) {
      await sleep(MEASURE_INTERVAL_MS, undefined, { signal }).catch(() => {});
    }
  }
}
