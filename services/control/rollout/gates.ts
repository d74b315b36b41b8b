import type { Finding } from '../cutover/gates/gate.js';
import { deadLettersFinding, lagFinding, streamingFinding } from '../cutover/gates/status-gates.js';
import { verifiedFinding, type Wanted } from '../cutover/gates/verified.js';
import type { OpenCutover, PipelineStatus } from '../status/pipeline-status.js';
import type { RecordedVerification } from '../verify/record.js';

export interface RolloutFinding extends Finding {
  readonly gate: 'cutover' | 'streaming' | 'lag' | 'dead-letters' | 'verified';
}

/** What is looked at before more users read from the target. */
export interface RolloutFacts {
  readonly status: PipelineStatus;
  readonly verifications: readonly RecordedVerification[];
  readonly wanted: Wanted;
  /** The lag that users may see, in seconds. */
  readonly maxLagSeconds: number;
}

export function rolloutFindings({ status, verifications, wanted, maxLagSeconds }: RolloutFacts): RolloutFinding[] {
  return [
    { gate: 'cutover', ...cutoverFinding(status.openCutover) },
    // Lag does not tell of a table that stands, or of a service that has stopped on an idle source.
    { gate: 'streaming', ...streamingFinding(status) },
    { gate: 'lag', ...lagFinding(status, maxLagSeconds) },
    { gate: 'dead-letters', ...deadLettersFinding(status) },
    { gate: 'verified', ...verifiedFinding(verifications, wanted) },
  ];
}

function cutoverFinding(open: OpenCutover | null): Finding {
  if (!open) return { isOpen: true, figure: 'none is open' };
  const step = open.lastStep ?? 'gates';
  return open.isRunning
    ? { isOpen: false, figure: `a cutover is at its step ${step}`, remedy: 'Wait until it has ended.' }
    : {
        isOpen: false,
        figure: `a cutover was left at its step ${step}`,
        remedy: 'Go on with it, or undo it: ferry cutover --resume, or --abort.',
      };
}
