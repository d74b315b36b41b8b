import type { Direction } from './direction.js';
import type { CutoverReport } from './report.js';
import type { Step, Undo } from './step.js';

/** What a step came to. */
export interface Outcome {
  /** For people. */
  readonly detail?: string;
  /** For the journal, beside it. */
  readonly facts?: object;
}

/** What a step would come to. */
export interface Rehearsal {
  readonly detail: string;
  /** Absent where nothing was measured. */
  readonly ms?: number;
}

/** What a step does. */
export interface Action<Name extends string> {
  /** @throws FerryError when it may not be done now; nothing has been touched then. */
  readonly expect?: () => Promise<void>;
  /** @param ahead the steps that are yet to come. */
  readonly act: (ahead: ReadonlySet<Name>) => Promise<Outcome>;
  /** What it would do, without a commit; of those that cannot be done when the cutover is only tried. */
  readonly rehearse?: () => Promise<Rehearsal>;
}

/** One move: its steps, what they do, and what takes them back. The coordinator knows no more of it. */
export interface Way<Name extends string = string> {
  readonly direction: Direction;
  readonly steps: readonly Step<Name>[];
  readonly actions: Readonly<Record<Name, Action<Name>>>;
  /**
   * Takes a fence over that an earlier attempt of the run has left closed.
   * @returns whether it stands: the pause goes on then.
   */
  takeOver(): Promise<boolean>;
  /**
   * Takes back what a step did; taken back before, it stays so.
   * @param whose `anyone`: what any attempt of the run did, for who holds the coordinator's lock; otherwise this one's.
   */
  undo(undo: Undo, whose: 'anyone' | 'attempt'): Promise<void>;
  /** What is known of gates, tables and the prediction so far. */
  found(): Pick<CutoverReport, 'gates' | 'predictedPauseMs' | 'tables'>;
}
