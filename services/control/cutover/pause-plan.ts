import type { TableReport } from '../verify/report.js';
import { pairName } from '../verify/table-times.js';

/**
 * The share of the longest pause that verifying under the fence may take: what is proven there by marker and ledger is
 * seen once more, and nobody shall wait long for that.
 */
const VERIFY_SHARE = 0.05;
/** Tables are verified two at a time. */
export const VERIFY_LANES = 2;

/**
 * Which tables are verified again under the fence: all whose verification before took, added up from the quickest on,
 * no more than its share of the pause. What is left out was verified while writes went on, and the ledger proves that
 * every change since was applied.
 */
export function tablesForPause(
  reports: readonly (TableReport & { readonly ms: number })[],
  maxPauseMs: number,
): Set<string> {
  const chosen = new Set<string>();
  let ms = 0;
  for (const report of [...reports].sort((a, b) => a.ms - b.ms)) {
    ms += report.ms / VERIFY_LANES;
    if (ms > maxPauseMs * VERIFY_SHARE) break;
    chosen.add(pairName(report));
  }
  return chosen;
}
