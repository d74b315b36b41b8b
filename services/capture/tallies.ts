import type { Tally } from '../../core/ledger.js';

/** What capture has seen and done, by table. */
export interface CaptureTallies {
  readonly read: Tally;
  readonly deduplicated: Tally;
  readonly captured: Tally;
}
