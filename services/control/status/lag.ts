import type { Lsn } from '../../../core/lsn.js';
import type { Reached } from './stage-end.js';

/** Null where it cannot be measured: unknown is never zero. */
export interface Lag {
  readonly bytes: number | null;
  readonly seconds: number | null;
}

export const UNKNOWN_LAG: Lag = { bytes: null, seconds: null };

/** Where the source stands, by its own clock. */
export interface SourceNow {
  readonly lsn: Lsn;
  /** Milliseconds since 1970. */
  readonly time: number;
}

/**
 * The distance of a stage from the source.
 * @param reached undefined when the stage has nothing yet, or cannot be asked.
 */
export function lagOf(source: SourceNow | undefined, reached: Reached | undefined): Lag {
  if (!source || !reached) return UNKNOWN_LAG;
  const bytes = Number(source.lsn - reached.through);
  if (bytes <= 0) return { bytes: 0, seconds: 0 };
  if (reached.time === null) return { bytes, seconds: null };
  return { bytes, seconds: Math.max(0, Math.round(source.time - Date.parse(reached.time)) / 1_000) };
}

/** The stage that is furthest behind; unknown when one of them is. */
export function furthestBehind(stages: readonly (Reached | undefined)[]): Reached | undefined {
  let behind: Reached | undefined;
  for (const stage of stages) {
    if (!stage) return undefined;
    if (!behind || stage.through < behind.through) behind = stage;
  }
  return behind;
}

/** The stage that is furthest ahead. */
export function furthestAhead(stages: readonly (Reached | undefined)[]): Reached | undefined {
  let ahead: Reached | undefined;
  for (const stage of stages) if (stage && (!ahead || stage.through > ahead.through)) ahead = stage;
  return ahead;
}
