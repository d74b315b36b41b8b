import { FerryError } from './errors.js';
import { formatLsn, type Lsn } from './lsn.js';

/**
 * Refuses to leave out what the log has of a table that the mapping does not have, unless the table was taken out of the
 * pipeline behind it: whoever captured it had another mapping, and nothing may be lost of what it meant.
 * @param removed by source table, the LSN before which it may be left out.
 * @throws FerryError `table-unmapped`.
 */
export function refuseUnmapped(source: string, lsn: Lsn, removed: ReadonlyMap<string, Lsn>): void {
  if (lsn <= (removed.get(source) ?? -1n)) return;
  throw new FerryError(
    'table-unmapped',
    `the log has changes of ${source} at ${formatLsn(lsn)}, and the mapping has not`,
    {
      details: { table: source },
      remedy: `Put it back into the mapping, or take it out of the pipeline for good: ferry table remove ${source}`,
    },
  );
}
