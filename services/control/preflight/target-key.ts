import { isConstant } from '../../../core/mapping/compile-rule.js';
import { onlyValues } from '../../../core/mapping/demands.js';
import { movedName, outputsOf } from '../../../core/mapping/table-rules.js';
import { formatPlace, LINEAGE_KEY } from '../../../core/mapping.js';
import { displayName } from '../../../core/relation.js';
import { isSameSet } from '../../../core/same-set.js';
import { quoteIdentifier, quoteName } from '../../../platform/postgres.js';
import { findColumn } from './catalog.js';
import { defineCheck, type MappedPair, mappedPairs } from './context.js';
import type { Finding, Report } from './finding.js';
import { replicaKey } from './replica-key.js';

/**
 * Apply finds a row of the target by a unique index of the same columns, of which it knows the values of a deleted row,
 * too. Rows of a table without a key are counted instead: a unique index that the source has not would refuse equal ones.
 */
export const targetKey = defineCheck(
  { name: 'target-key', side: 'target', passed: 'every target table has the mapped key as a key of its own' },
  async (context, report) =>
    (await mappedPairs(context)).flatMap(({ mapping, source, target }) => {
      // Found by the key that its rows have in the source.
      if (mapping.lineage) return [];
      const key = replicaKey(source);
      if (!('columns' in key)) return [];
      if (key.columns.length === 0) return uniqueFindings({ mapping, source, target }, report);
      const values = onlyValues(mapping.rules?.where?.condition);
      const made = keyOfCandidates(mapping);
      const isLost = (column: string) => movedName(mapping, column) === undefined && !values.has(column);
      const lost = made.length > 0 ? undefined : key.columns.find(isLost);
      if (lost !== undefined) return [lostKey({ mapping, source, target }, lost, report)];
      const columns = made.length > 0 ? made : key.columns.flatMap((column) => movedName(mapping, column) ?? []);
      const fixed = constantsOf(mapping);
      const primary = target.uniqueIndexes.find((index) => index.primary);
      if (
        target.uniqueIndexes.some(
          ({ immediate, plain, columns: own }) => immediate && plain && sameSet(own, columns, fixed),
        )
      )
        return [];
      if (columns.some((column) => !findColumn(target, column))) return [];
      const name = displayName(target);
      const add = `ADD PRIMARY KEY (${columns.map(quoteIdentifier).join(', ')})`;
      const drop = primary ? `DROP CONSTRAINT ${quoteIdentifier(primary.name)}, ` : '';
      return [
        report.error(`${formatPlace(mapping.place)}: ${name} has no unique index on (${columns.join(', ')})`, {
          object: name,
          remedy: isWider(target, columns)
            ? `Say \`lineage: true\` in the mapping: rows are found by the old key then, and the new one may have more columns, as that of a partitioned table must.`
            : `ALTER TABLE ${quoteName(target)} ${drop}${add}`,
        }),
      ];
    }),
);

/** The table has been given a key that the old one is a part of. */
function isWider({ uniqueIndexes }: MappedPair['target'], columns: readonly string[]): boolean {
  return uniqueIndexes.some(
    ({ primary, columns: own }) =>
      primary && own.length > columns.length && columns.every((column) => own.includes(column)),
  );
}

/** In a way back: the columns of an old table's key, where its rows come from candidates. */
function keyOfCandidates({ rules }: MappedPair['mapping']): string[] {
  return [...(rules?.columns ?? [])].flatMap(([name, { from }]) => (from === LINEAGE_KEY ? [name] : []));
}

function uniqueFindings({ mapping, source, target }: MappedPair, report: Report): Finding[] {
  const ofSource = source.uniqueIndexes.map(({ columns }) =>
    columns.flatMap((column) => movedName(mapping, column) ?? []),
  );
  const plain = source.columns.filter(({ generated }) => generated === '').map(({ name }) => name);
  const filled = outputsOf(mapping, plain).map(({ name }) => name);
  return target.uniqueIndexes
    .filter(({ columns }) => columns.length > 0 && columns.every((column) => filled.includes(column)))
    .filter(({ columns }) => !ofSource.some((own) => sameSet(own, columns)))
    .map(({ name, columns }) =>
      report.warn(
        `${formatPlace(mapping.place)}: ${displayName(target)} is unique in (${columns.join(', ')}), and ${displayName(source)}, ` +
          'which has no key, may not be: apply halts at the first equal row',
        {
          object: displayName(target),
          remedy: `DROP INDEX ${quoteIdentifier(target.schema)}.${quoteIdentifier(name)}`,
        },
      ),
    );
}

/** Columns of the target that have the same value in every row of the mapping. */
export function constantsOf({ rules }: MappedPair['mapping']): string[] {
  return [...(rules?.columns ?? [])].flatMap(([name, rule]) => (isConstant(rule) ? [name] : []));
}

function lostKey({ mapping, source, target }: MappedPair, column: string, report: Report): Finding {
  const message = `${formatPlace(mapping.place)}: the key column ${displayName(source)}.${column} must move as it is: rows are found by it`;
  return report.error(message, {
    object: displayName(target),
    remedy:
      'Take it into `pick`, or out of `drop` and `columns`; or let `where` give it one value; or say `lineage: true`.',
  });
}

/** @param beside names that `a` may have, too. */
export function sameSet(a: readonly string[], b: readonly string[], beside: readonly string[] = []): boolean {
  return isSameSet(
    a.filter((name) => !beside.includes(name)),
    b,
  );
}
