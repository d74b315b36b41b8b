import { addTo, type Tally } from '../../core/ledger.js';

/** What capture has seen and done, by table. */
export interface CaptureTallies {
  readonly read: Tally;
  readonly deduplicated: Tally;
  readonly captured: Tally;
}

/** A change that a copy has already. */
export function countCovered({ read, deduplicated }: CaptureTallies, table: string): void {
  addTo(read, table, 1);
  addTo(deduplicated, table, 1);
}
