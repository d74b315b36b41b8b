import type { Layout } from './layout.js';
import type { Migration } from './migration-set.js';
import type { Plan } from './plan.js';
import { hasSnapshot, snapshotName } from './snapshots.js';

/**
 * The migration that was run last, when its process ended before the snapshot after it was written: the one before is here,
 * so it was run from here, with snapshots. The schema is still what it left.
 */
export function findUnfinished(
  layout: Layout,
  { applied, problems }: Pick<Plan, 'applied' | 'problems'>,
): Migration | undefined {
  const last = applied.at(-1);
  if (!last || problems.length > 0) return undefined;
  const [before, after] = (['before', 'after'] as const).map((moment) =>
    hasSnapshot(layout, snapshotName(last, moment)),
  );
  return before && !after ? last : undefined;
}
