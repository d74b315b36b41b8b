import type { TextRow } from '../verify/session.js';
import { compareRows, type RowDifference } from './compare-rows.js';

/** One sample: a query with its parameters, on both sides. */
export interface SampledReads {
  source(): Promise<readonly TextRow[]>;
  target(): Promise<readonly TextRow[]>;
  /** Resolves once the target has all that the source had when it was called. */
  caughtUp(): Promise<void>;
}

export interface SettledSample {
  /** `late`: equal once the target had applied what the source had. `unsettled`: the answers changed at every look. */
  readonly verdict: 'equal' | 'late' | 'different' | 'unsettled';
  /** Of the last look; empty unless they are really different. */
  readonly differences: readonly RowDifference[];
}

const MAX_LOOKS = 6;

/**
 * Tells late answers from wrong ones. The target is asked again when it has what the source had, and the source before
 * and after: one of its two answers is what the target should say. Different is what both sides say twice on end.
 */
export async function settleSample(
  reads: SampledReads,
  first: { readonly source: readonly TextRow[]; readonly target: readonly TextRow[] },
  compared: { readonly ordered: boolean },
): Promise<SettledSample> {
  const differ = (source: readonly TextRow[], target: readonly TextRow[]) => compareRows(source, target, compared);
  const isSame = (one: readonly TextRow[], other: readonly TextRow[]) => differ(one, other).length === 0;
  if (isSame(first.source, first.target)) return { verdict: 'equal', differences: [] };
  let before = first.source;
  let previous: { readonly source: readonly TextRow[]; readonly target: readonly TextRow[] } | undefined;
  for (let look = 1; look <= MAX_LOOKS; look++) {
    await reads.caughtUp();
    const target = await reads.target();
    const source = await reads.source();
    if (isSame(before, target) || isSame(source, target)) return { verdict: 'late', differences: [] };
    const isStill = previous && isSame(previous.source, source) && isSame(previous.target, target);
    if (isStill && isSame(before, source)) return { verdict: 'different', differences: differ(source, target) };
    previous = { source, target };
    before = source;
  }
  return { verdict: 'unsettled', differences: [] };
}
