import type { MappingFunction } from './user-function.js';

/** What rules need and cannot compute themselves. */
export interface RuleKit {
  sha1(bytes: Uint8Array): Uint8Array;
  /** Of the rule `call`. */
  readonly functions: ReadonlyMap<string, MappingFunction>;
}

/** A value that a rule cannot make anything of. The message never holds it. */
export class RuleFailure extends Error {}
