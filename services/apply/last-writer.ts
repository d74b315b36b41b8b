import type { NetChange } from './fold.js';

/** A row of the target as it stands, under a lock where it is there. Times are ISO 8601 with six digits. */
export interface StandingRow {
  readonly isThere: boolean;
  /** When an application committed it last; null where that was apply, or before both directions ran. */
  readonly writtenAt: string | null;
  /** When an application deleted it last. */
  readonly deletedAt: string | null;
}

/**
 * What becomes of a change: written; written where no such row may come meanwhile; given up because an application's write is
 * later; given up because the row is gone and the change does not have all of it.
 */
export type Verdict = 'write' | 'insert' | 'later' | 'gone';

/**
 * The last writer by commit time. Both sides judge by the same two times, so that both come to the same row.
 * @param change of the other project; of several that were folded the last one's time counts.
 * @param winsTies of equal times the change's wins: it is the old project's.
 */
export function judgeChange(
  { kind, at }: { readonly kind: NetChange['kind']; readonly at: string },
  { isThere, writtenAt, deletedAt }: StandingRow,
  winsTies: boolean,
): Verdict {
  // Deleted on both sides is no conflict.
  if (kind === 'delete' && !isThere) return 'write';
  const standing = isThere ? writtenAt : deletedAt;
  if (standing !== null && (standing > at || (standing === at && !winsTies))) return 'later';
  if (isThere || kind === 'delete') return 'write';
  return kind === 'update' ? 'gone' : 'insert';
}
