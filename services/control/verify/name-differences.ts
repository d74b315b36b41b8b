import type { Observation } from './judge.js';
import { bothVersions, keyId, type TableReader } from './observe.js';
import type { Key } from './queries.js';
import type { Difference } from './report.js';
import type { TextRow } from './session.js';

export interface NamedDifferences {
  readonly differences: readonly Difference[];
  /** Those named, and those beyond the limit. */
  readonly confirmed: readonly Observation[];
  /** Written since they were judged, so to be looked at again. */
  readonly changed: readonly Observation[];
}

/**
 * Names rows that were judged different, and their columns, by one more read of both sides. It also catches a change
 * that the target had before the source let others see it: a commit is in the WAL a moment earlier, and with a
 * synchronous standby as long as that standby takes.
 * @param limit how many to name; those beyond it are only counted.
 */
export async function nameDifferences(
  reader: TableReader,
  different: readonly Observation[],
  limit: number,
): Promise<NamedDifferences> {
  const toName = different.slice(0, Math.max(0, limit));
  if (toName.length === 0) return { differences: [], confirmed: different, changed: [] };
  const keys = toName.map(({ key }) => key);
  const [source, target] = await Promise.all([
    reader.source.columnHashes(keys).then(hashesByKey),
    reader.target.columnHashes(keys).then(hashesByKey),
  ]);
  const differences: Difference[] = [];
  const confirmed = different.slice(toName.length);
  const changed: Observation[] = [];
  for (const look of toName) {
    const [inSource, inTarget] = [source.get(keyId(look.key)), target.get(keyId(look.key))];
    if (inSource?.version !== look.source?.version || inTarget?.version !== look.target?.version) {
      changed.push(look);
      continue;
    }
    confirmed.push(look);
    differences.push(
      reader.shape.isKeyless
        ? { key: look.key, kind: (look.source?.rows ?? 0) > (look.target?.rows ?? 0) ? 'missing' : 'extra' }
        : describe(look.key, reader.shape.columns, inSource?.hashes, inTarget?.hashes),
    );
  }
  return { differences, confirmed, changed };
}

function describe(
  key: Key,
  columns: readonly string[],
  source: readonly string[] | undefined,
  target: readonly string[] | undefined,
): Difference {
  if (!target) return { key, kind: 'missing' };
  if (!source) return { key, kind: 'extra' };
  return { key, kind: 'different', columns: columns.filter((_, index) => source[index] !== target[index]) };
}

interface ColumnHashes {
  readonly version: string;
  readonly hashes: readonly string[];
}

function hashesByKey(read: readonly TextRow[]): Map<string, ColumnHashes> {
  const rows = new Map<string, ColumnHashes>();
  for (const [hashes, version, ...key] of read) {
    const id = keyId(key as string[]);
    const twin = rows.get(id);
    // As for the row's state, so that the two versions of a key that stands twice compare.
    rows.set(id, {
      version: twin ? bothVersions(twin.version, version!) : version!,
      hashes: twin ? twin.hashes : hashes!.slice(1, -1).split(','),
    });
  }
  return rows;
}
