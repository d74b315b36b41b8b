import type pg from 'pg';
import type { EventLog } from '../../../platform/event-log/port.js';
import type { LoadedPipeline } from '../../../platform/load-pipeline.js';
import type { TableReport } from '../verify/report.js';
import type { Direction } from './direction.js';
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

/** A pipeline with its log. */
export interface Running {
  readonly pipeline: LoadedPipeline;
  readonly log: EventLog;
}

/** What a move goes by: the pipeline along which it goes, with its sides. */
export interface MoveOptions extends Running {
  readonly direction: Direction;
  /** Of a move forward: the pipeline that would bring changes back; undefined where there is none. */
  readonly back: Running | undefined;
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

/** What is ordered of the coordinator: the pipeline and its sides are those of the forward direction in any case. */
export type CutoverOptions = MoveOptions;
