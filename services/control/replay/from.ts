import type { ClientBase } from 'pg';
import { FerryError } from '../../../core/errors.js';
import { formatLsn, type Lsn, parseLsn } from '../../../core/lsn.js';
import { partitionName } from '../../../core/topics.js';
import { type AppliedPoint, readAppliedPoints } from '../../../platform/control-schema.js';

/** A place in the source's history: an LSN, or a commit time as ms since 1970. */
export type StartPlace = { readonly lsn: Lsn } | { readonly timeMs: number };

/** @throws FerryError `usage` for what is neither an LSN nor an ISO 8601 time with its zone. */
export function parseStartPlace(text: string): StartPlace {
  if (/^[0-9A-F]+\/[0-9A-F]+$/i.test(text)) return { lsn: parseLsn(text) };
  const timeMs = /(Z|[+-]\d\d(:?\d\d)?)$/.test(text) && text.includes(':') ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(timeMs)) return { timeMs };
  throw new FerryError('usage', `--from is neither an LSN nor a time: ${text}`, {
    remedy: 'Write it like 0/16B3748, or 2026-03-01T14:00:00Z with its zone.',
  });
}

/**
 * Nothing is emptied by a replay from a place, so the target must not have anything that comes behind it: a change that
 * is applied to a later state may be refused, and a table without a key would have its rows twice. Where it stands, its
 * own checkpoints say.
 * @throws FerryError `not-ready` when it stands behind the place, or nothing says where it stands.
 */
export async function refuseBeyond(target: ClientBase, pipeline: string, place: StartPlace): Promise<void> {
  const points = await readAppliedPoints(target, pipeline);
  if (points.length === 0) {
    throw new FerryError('not-ready', `nothing in the target says how far the pipeline ${pipeline} was applied to it`, {
      remedy: 'Restore the schema ferry with the tables, of one backup; or rebuild it from the start, without --from.',
    });
  }
  const beyond = points.find((point) => isBeyond(point, place));
  if (!beyond) return;
  const where = `${formatLsn(beyond.commitEnd)}, ${beyond.commitTime}`;
  throw new FerryError('not-ready', `the target has ${partitionName(beyond)} up to ${where}: that is behind --from`, {
    remedy: 'Restore a backup of before that place, or rebuild it from the start, without --from.',
  });
}

/** Pure. A point without a time is before the first transaction. */
export function isBeyond({ commitEnd, commitTime }: Pick<AppliedPoint, 'commitEnd' | 'commitTime'>, place: StartPlace) {
  if ('lsn' in place) return commitEnd > place.lsn;
  return commitTime !== null && Date.parse(commitTime) > place.timeMs;
}
