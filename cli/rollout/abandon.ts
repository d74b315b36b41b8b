import { FerryError } from '../../core/errors.js';
import { otherWay } from '../../core/way-back.js';
import type { LoadedPipeline } from '../../platform/load-pipeline.js';
import type { Abandoned } from '../../services/control/rollout/users/abandoned.js';
import type { LostRows } from '../../services/control/rollout/users/lost-rows.js';
import { printLine } from '../output.js';
import type { RolloutFlags } from '../rollout.js';

/** @throws FerryError `usage` without a reason, or where the mode is not left. */
export function abandonedOf({
  abandon,
  reason,
  mode,
}: Pick<RolloutFlags, 'abandon' | 'reason' | 'mode'>): Abandoned | undefined {
  if (!abandon) return undefined;
  if (mode === 'reads' && reason?.trim()) return { ways: abandon, reason: reason.trim() };
  throw new FerryError('usage', `--abandon ${abandon.join(' ')} goes with --mode reads, and needs a reason`, {
    remedy: 'Say it with --reason.',
  });
}

/** What did not come back, and what is next. */
export function printLost(lost: readonly LostRows[], { name, directory }: LoadedPipeline): void {
  for (const { table, rows, first } of lost) {
    const keys = first
      .slice(0, MOST_NAMED)
      .map(({ key, op }) => `${key.join(', ')}${op === 'delete' ? ' (deleted)' : ''}`);
    printLine(`${rows} rows of ${table} were written in the new project, and did not come: ${keys.join('; ')}`);
  }
  if (lost.length > 0) {
    printLine(
      `Each stands in ferry.conflict of the old project, as both have it (pipeline = '${otherWay(name)}', why = 'abandoned').`,
    );
  }
  printLine(
    `next: ferry verify --repair -c ${directory} makes the new project equal; ferry up -c ${directory}/back arms the way back anew`,
  );
}

const MOST_NAMED = 3;
