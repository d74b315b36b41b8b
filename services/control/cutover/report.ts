import type { TableReport } from '../verify/report.js';
import type { Serving } from './direction.js';
import type { GateReport } from './gates/gate.js';
import type { StepName } from './move-steps.js';

export interface StepReport {
  readonly step: StepName | 'undo';
  /** predicted: of a cutover that is only tried, what the step would take, as far as that was measured. */
  readonly state: 'started' | 'done' | 'failed' | 'predicted';
  readonly ms?: number;
  readonly detail?: string;
}

/** What `ferry cutover --json` prints. */
export interface CutoverReport {
  readonly ok: boolean;
  /** Of the cutover in the journal; null for one that was only tried. */
  readonly run: string | null;
  readonly dryRun: boolean;
  /** It was undone as ordered: `--abort`. */
  readonly aborted: boolean;
  readonly serving: Serving;
  /** From the fence's raising to the flag, in ms; null when nothing was fenced. */
  readonly writePauseMs: number | null;
  /** What the pause is expected to be, from what was measured before it, in ms. */
  readonly predictedPauseMs: number | null;
  readonly steps: readonly StepReport[];
  /** As they were found at last. */
  readonly gates: readonly GateReport[];
  /** Every table as it was verified last: under the fence, or while writes went on where the pause had no room. */
  readonly tables: readonly (TableReport & { readonly verified: 'fenced' | 'live' })[];
}
