import type pg from 'pg';
import type { EventLog } from '../../../platform/event-log/port.js';
import type { LoadedPipeline } from '../../../platform/load-pipeline.js';
import type { TableReport } from '../verify/report.js';
import type { GateReport } from './gates/gate.js';
import type { StepReport } from './report.js';
import type { Settings } from './settings.js';
import type { Intent } from './step.js';

/** What the target's schema waits for the end of the copy with: indexes, foreign keys and their like. */
export interface AfterCopy {
  /** Changes nothing. @returns what would be run, for people. @throws FerryError about why it could not. */
  check(): Promise<string>;
  /** Begun again it goes on where it stood. @returns the files that were run. */
  run(signal: AbortSignal): Promise<readonly string[]>;
}

export interface CutoverOptions {
  readonly pipeline: LoadedPipeline;
  readonly log: EventLog;
  readonly connectSource: () => Promise<pg.Client>;
  readonly connectTarget: () => Promise<pg.Client>;
  readonly afterCopy: AfterCopy;
  readonly intent: Intent;
  /** What was said; the rest is as it was said when the cutover began, or as {@link DEFAULT_SETTINGS} have it. */
  readonly settings: Partial<Settings>;
  readonly signal: AbortSignal;
  readonly onStep: (report: StepReport) => void;
  /** Every time that the gates have been looked at, open or not. */
  readonly onGates?: (gates: readonly GateReport[]) => void;
  /** Each table as it has been verified before the fence. */
  readonly onTable?: (report: TableReport) => void;
}
