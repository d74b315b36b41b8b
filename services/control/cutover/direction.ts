import { isWayBack } from '../../../core/way-back.js';

/** forward: from the old project to the new one. */
export type Direction = 'forward' | 'back';

/** Along a pipeline, which is named so. */
export function directionOf(pipeline: string): Direction {
  return isWayBack(pipeline) ? 'back' : 'forward';
}

/** The flag: which project serves, the source of the forward pipeline or its target. */
export type Serving = 'source' | 'target';

/** Which project serves once a move has ended. */
export const SERVES_AFTER: Readonly<Record<Direction, Serving>> = { forward: 'target', back: 'source' };
/** Which one serves until then, and again when it is undone. */
export const SERVES_BEFORE: Readonly<Record<Direction, Serving>> = { forward: 'source', back: 'target' };

/** How people order a move, and what they call it. */
export const COMMAND: Readonly<Record<Direction, string>> = { forward: 'ferry cutover', back: 'ferry rollback' };
export const NOUN: Readonly<Record<Direction, string>> = { forward: 'cutover', back: 'rollback' };
export const PROJECT: Readonly<Record<Serving, string>> = { source: 'the old project', target: 'the new project' };
