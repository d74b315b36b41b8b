import type { GateName } from './gates/gate.js';

/** What an operator settles for a cutover; it stands in the journal with it. */
export interface Settings {
  /** The longest that writers may wait, in ms. */
  readonly maxPauseMs: number;
  /** A verification that is no older is taken instead of one by the cutover itself; 0: none is. */
  readonly verifiedWithinMs: number;
  /** Gates that are passed although they are closed, each with its reason. */
  readonly forced: Readonly<Partial<Record<GateName, string>>>;
}

export const DEFAULT_SETTINGS: Settings = { maxPauseMs: 10_000, verifiedWithinMs: 0, forced: {} };
