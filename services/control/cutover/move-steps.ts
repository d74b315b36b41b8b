import type { Direction } from './direction.js';
import type { Step, Undo } from './step.js';

const LIFT: Undo = { action: 'lift-fence' };

const step = <Name extends string>(name: Name, more: Partial<Step<Name>> = {}): Step<Name> => ({
  name,
  inPause: false,
  lasts: false,
  undo: null,
  ...more,
});

const paused = <Name extends string>(name: Name, more: Partial<Step<Name>> = {}) =>
  step(name, { inPause: true, ...more });

/** From the project that serves to the other one. */
export const STEPS = [
  step('gates'),
  // The migrations that wait for the copy.
  step('constraints', { lasts: true }),
  // What else readies the target belongs here, before the rows are compared: no writer waits yet.
  step('verify'),
  step('statistics', { lasts: true }),
  // Hours may have passed since the gates were looked at.
  step('ready'),
  step('predict'),
  // Without the fence's closing nothing proves that nobody has opened it since: who resumes arms it again.
  step('arm', { undo: LIFT }),
  paused('fence', { undo: LIFT }),
  paused('marker'),
  paused('drained'),
  paused('ledger'),
  paused('verified'),
  // Not taken back: the project that does not serve gives out no ids, and the next cutover sets them again.
  paused('sequences'),
  // From here on the other direction carries what is written, once there is anything to carry.
  paused('turn', { undo: { action: 'turn-back' } }),
  // Ahead of the flag: behind it somebody would have been told to write where writes are refused.
  paused('admit', { undo: { action: 'close-fence' } }),
  paused('flag'),
] as const;

export type StepName = (typeof STEPS)[number]['name'];

/** Steps for which writers wait. */
export type PausedStep =
  | 'fence'
  | 'marker'
  | 'drained'
  | 'ledger'
  | 'verified'
  | 'sequences'
  | 'turn'
  | 'admit'
  | 'flag';

/** The old project has been readied already: it has served before. */
const FORWARD_ALONE: ReadonlySet<StepName> = new Set(['constraints']);

export function stepsOf(direction: Direction): readonly Step<StepName>[] {
  return direction === 'forward' ? STEPS : STEPS.filter(({ name }) => !FORWARD_ALONE.has(name));
}
