import { addTo } from '../../core/ledger.js';
import type { TruncateLine } from '../../core/record.js';
import type { RawOutput } from './raw-output.js';
import type { CaptureTallies } from './tallies.js';

/**
 * Writes a truncate into every partition.
 * @param names of the relations, as the ledger has them.
 * @returns false when the log has it in each of them.
 */
export function writeTruncate(
  { partitions }: RawOutput,
  truncate: Omit<TruncateLine, 'rel' | 'op' | 'everywhere'>,
  names: readonly string[],
  tallies: CaptureTallies,
): boolean {
  const { ix, relations, cascade, restartIdentity, beginsSnapshot } = truncate;
  const flags = {
    ...(beginsSnapshot ? { beginsSnapshot } : {}),
    ...(partitions.length > 1 ? { everywhere: true } : {}),
  };
  const line = JSON.stringify({ rel: 0, ix, op: 't', relations, cascade, restartIdentity, ...flags });
  let isNew = false;
  for (const partition of partitions) {
    const position = partition.take(ix);
    for (const name of names) {
      addTo(tallies.read, name, 1);
      addTo(position ? tallies.captured : tallies.deduplicated, name, 1);
    }
    if (!position) continue;
    partition.writer.line(position, line, relations);
    isNew = true;
  }
  return isNew;
}
