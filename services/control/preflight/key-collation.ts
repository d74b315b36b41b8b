import { movedName } from '../../../core/mapping/table-rules.js';
import { displayName } from '../../../core/relation.js';
import { findColumn } from './catalog.js';
import { defineCheck, mappedPairs } from './context.js';
import { replicaKey } from './replica-key.js';

/** Two collations may order the same keys differently: verification then compares them in the order of their bytes. */
export const keyCollation = defineCheck(
  { name: 'key-collation', side: 'target', passed: 'text keys sort alike on both sides' },
  async (context, report) =>
    (await mappedPairs(context)).flatMap(({ mapping, source, target }) => {
      const key = replicaKey(source);
      if (!('columns' in key)) return [];
      return key.columns.flatMap((column) => {
        const name = movedName(mapping, column);
        if (name === undefined) return [];
        const from = findColumn(source, column)?.collation;
        const to = findColumn(target, name)?.collation;
        if (!from || !to || from === to) return [];
        return [
          report.warn(
            `the key ${displayName(source)}.${column} sorts by ${from}, in the target by ${to}: verification cannot use its index`,
            {
              object: `${displayName(target)}.${name}`,
              remedy: 'Create the target database, or this column, with the collation of the source.',
            },
          ),
        ];
      });
    }),
);
