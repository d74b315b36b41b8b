import type pg from 'pg';
import type { TableMapping } from '../../../core/mapping.js';
import type { EventLog } from '../../../platform/event-log/port.js';
import type { LoadedPipeline } from '../../../platform/load-pipeline.js';
import type { VerifyReport } from '../verify/report.js';
import type { StartPlace } from './from.js';
import type { ReplayRun } from './journal.js';
import type { ReplayProgress } from './progress.js';

/** A database beside the live target: nobody applies to it but the replay itself. */
export interface SecondTarget {
  readonly connectLive: () => Promise<pg.Client>;
  /** Brings its schema to where rows can be written; run again it changes nothing. */
  readonly migrate: () => Promise<void>;
  /** Applies the domain topics to it until the signal fires. @throws FerryError when a partition cannot go on. */
  readonly apply: (signal: AbortSignal) => Promise<void>;
}

/** A version of the mapping that the target has not had, with what brings it about. */
export interface NewVersion {
  /** Raises the version in pipeline.yaml, where it is not raised yet: services that start from then on are of it. */
  readonly write: () => Promise<void>;
  readonly onFill: () => void;
  /** Fills its domain topics from the raw topic until the signal fires. @throws FerryError when a row cannot be mapped. */
  readonly fill: (signal: AbortSignal) => Promise<void>;
  readonly hasPendingMigrations: () => Promise<boolean>;
  /** Brings the target's schema to what it asks for; run again it changes nothing. */
  readonly migrate: () => Promise<void>;
}

/** What the replay waits for, and starts where it does not run. */
export interface NeededServices {
  start(isSourceThere: boolean): Promise<void>;
  /** Asked while nothing moves. */
  startGone(isSourceThere: boolean): Promise<void>;
}

export interface ReplayOptions {
  /** With the target that is rebuilt. */
  readonly pipeline: LoadedPipeline;
  readonly second: SecondTarget | undefined;
  /** Of the pipeline's mapping, where the target is to have its rows by another one than now. */
  readonly version: NewVersion | undefined;
  /** What is rebuilt: all mapped tables, or of some every mapping. */
  readonly tables: readonly TableMapping[];
  /** The target is not emptied: it was restored as of no later than this. */
  readonly from: StartPlace | undefined;
  /** Gives up one that has not finished. */
  readonly restart: boolean;
  readonly log: EventLog;
  readonly connectSource: () => Promise<pg.Client>;
  readonly connectTarget: () => Promise<pg.Client>;
  readonly services: NeededServices;
  /** Before tables are emptied. @throws to leave all as it is. */
  readonly confirm: () => Promise<void>;
  readonly onBegin: (run: ReplayRun, hasGoneOn: boolean) => Promise<void>;
  readonly onProgress: (progress: ReplayProgress) => void;
  readonly signal: AbortSignal;
}

export interface ReplayReport {
  readonly ok: boolean;
  /** One that had begun before was gone on with. */
  readonly resumed: boolean;
  /** False where the source could not be reached: what the log had is in the target, and nobody has compared it. */
  readonly verified: boolean;
  readonly records: number;
  readonly tables: VerifyReport['tables'];
  readonly deadLetters: number;
}
