import { movedName } from '../../../core/mapping/table-rules.js';
import { formatPlace } from '../../../core/mapping.js';
import { displayName } from '../../../core/relation.js';
import { quoteIdentifier, quoteName } from '../../../platform/postgres.js';
import type { CatalogIndex, CatalogTable } from './catalog.js';
import { defineCheck, type MappedPair, mappedPairs } from './context.js';
import { replicaKey } from './replica-key.js';
import { constantsOf, sameSet } from './target-key.js';

/**
 * A deferrable constraint lets values change places within a transaction. A target that checks them row by row refuses
 * that, in whichever order the rows come.
 */
export const deferrableKeys = defineCheck(
  { name: 'deferrable-keys', side: 'target', passed: 'the target checks nothing before the source does' },
  async (context, report) =>
    (await mappedPairs(context)).flatMap((pair) => {
      const { mapping, source, target } = pair;
      if ('obstacle' in replicaKey(source)) return [];
      return target.uniqueIndexes.flatMap((index) => {
        const later = deferredBy(pair, index);
        if (!later) return [];
        const columns = index.columns.join(', ');
        const message =
          `${formatPlace(mapping.place)}: ${displayName(target)} checks ${index.name} (${columns}) at once, ${displayName(source)} ` +
          `its ${later.name} at the end of a statement or transaction: values that change places there would be refused`;
        return [report.error(message, { object: displayName(target), remedy: makeDeferrable(target, index) })];
      });
    }),
);

/** The constraint of the source that is checked later than the target's index; undefined where the source has one that is not. */
function deferredBy({ mapping, source }: MappedPair, index: CatalogIndex): CatalogIndex | undefined {
  if (!index.immediate || !index.plain) return undefined;
  const same = source.uniqueIndexes.filter(({ plain, columns }) => {
    const moved = columns.flatMap((column) => movedName(mapping, column) ?? []);
    return plain && moved.length === columns.length && sameSet(index.columns, moved, constantsOf(mapping));
  });
  return same.some(({ immediate }) => immediate) ? undefined : same[0];
}

function makeDeferrable(target: CatalogTable, { name, definition, columns }: CatalogIndex): string {
  const table = quoteName(target);
  const constraint = quoteIdentifier(name);
  const drop =
    definition === null
      ? `DROP INDEX ${quoteName({ schema: target.schema, table: name })}; ALTER TABLE ${table}`
      : `ALTER TABLE ${table} DROP CONSTRAINT ${constraint},`;
  const unique = definition ?? `UNIQUE (${columns.map(quoteIdentifier).join(', ')})`;
  return `${drop} ADD CONSTRAINT ${constraint} ${unique} DEFERRABLE INITIALLY DEFERRED`;
}
