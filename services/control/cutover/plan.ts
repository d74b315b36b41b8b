import type { PipelineStatus } from '../status/pipeline-status.js';
import { READY_BELOW_SECONDS } from '../status/pipeline-status.js';
import type { TableReport } from '../verify/report.js';

/** The steps of a cutover, in order; from `fence` to `flag` the source's writers wait. */
export const STEPS = [
  'gates',
  'constraints',
  'verify',
  'arm',
  'fence',
  'marker',
  'drained',
  'ledger',
  'verified',
  'sequences',
  'flag',
] as const;
export type StepName = (typeof STEPS)[number];

export interface StepReport {
  readonly step: StepName | 'undo';
  readonly state: 'started' | 'done' | 'failed' | 'skipped';
  readonly ms?: number;
  readonly detail?: string;
}

export interface CutoverReport {
  readonly ok: boolean;
  readonly dryRun: boolean;
  readonly serving: 'source' | 'target';
  /** From the first lock of the fence to the flag, in ms; null when nothing was fenced. */
  readonly writePauseMs: number | null;
  /** What the pause is expected to be, from what was measured before it, in ms. */
  readonly predictedPauseMs: number | null;
  readonly steps: readonly StepReport[];
  /** Every table as it was verified last: under the fence, or while writes went on where the pause had no room. */
  readonly tables: readonly (TableReport & { readonly verified: 'fenced' | 'live' })[];
}

/** Why a cutover may not begin, the known reasons last; empty when it may. Pure. */
export function closedGates(status: PipelineStatus): string[] {
  const closed: string[] = [];
  if (status.phase !== 'streaming') closed.push(`the pipeline's phase is ${status.phase}, not streaming`);
  for (const { service, state } of status.services) {
    if (service !== 'control' && state !== 'running') closed.push(`${service} is ${state}`);
  }
  for (const { source, state } of status.tables) {
    if (state === 'paused' || state === 'halted' || state === 'catching-up') closed.push(`${source} is ${state}`);
  }
  const { seconds } = status.lag;
  if (seconds === null) closed.push('lag cannot be measured');
  else if (seconds > READY_BELOW_SECONDS) closed.push(`lag is ${seconds} s, above ${READY_BELOW_SECONDS} s`);
  if (!status.ledger) closed.push('the ledger cannot be read');
  else if ((status.ledger.deadLettered ?? 0) > 0) closed.push(`${status.ledger.deadLettered} changes are dead letters`);
  return closed.length === 0 ? closed : [...closed, ...status.errors];
}

/** The share of the pause that verifying under the fence may take; the rest is for draining and the flip. */
const VERIFY_SHARE = 0.5;
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
    chosen.add(report.source);
  }
  return chosen;
}

/** What the pause takes besides verifying: locks, the marker's way through the log, sequences, the flip. */
const FIXED_PAUSE_MS = 400;

export function predictPause(lagSeconds: number | null, verifyMs: number): number {
  return Math.round(FIXED_PAUSE_MS + (lagSeconds ?? 0) * 1_000 + verifyMs);
}
