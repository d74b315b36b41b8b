import { formatPlace, targetColumn } from '../../../core/mapping.js';
import { displayName } from '../../../core/relation.js';
import { quoteIdentifier, quoteName } from '../../../platform/postgres.js';
import { findColumn } from './catalog.js';
import { defineCheck, mappedPairs } from './context.js';
import { replicaKey } from './replica-key.js';

/** Apply finds a row of the target by its primary key, and must know those columns of every row, of a deleted one too. */
export const targetKey = defineCheck(
  { name: 'target-key', side: 'target', passed: 'every target table has the mapped key as its primary key' },
  async (context, report) =>
    (await mappedPairs(context)).flatMap(({ mapping, source, target }) => {
      const key = replicaKey(source);
      if (!('columns' in key)) return [];
      const columns = key.columns.map((column) => targetColumn(mapping, column));
      const primary = target.uniqueIndexes.find((index) => index.primary);
      if (primary?.immediate && sameSet(primary.columns, columns)) return [];
      if (columns.some((column) => !findColumn(target, column))) return [];
      const name = displayName(target);
      const add = `ADD PRIMARY KEY (${columns.map(quoteIdentifier).join(', ')})`;
      const drop = primary ? `DROP CONSTRAINT ${quoteIdentifier(primary.name)}, ` : '';
      return [
        report.error(`${formatPlace(mapping.place)}: the primary key of ${name} is not (${columns.join(', ')})`, {
          object: name,
          remedy: `ALTER TABLE ${quoteName(target)} ${drop}${add}`,
        }),
      ];
    }),
);

function sameSet(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((name) => b.includes(name));
}
