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

/** From the old project to the new one. */
export const FORWARD = [
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
  paused('flag'),
] as const;

export type StepName = (typeof FORWARD)[number]['name'];

/** Steps for which writers wait. */
export type PausedStep = 'fence' | 'marker' | 'drained' | 'ledger' | 'verified' | 'sequences' | 'flag';
