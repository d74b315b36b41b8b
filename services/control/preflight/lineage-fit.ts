import type { ClientBase } from 'pg';
import { outputsOf } from '../../../core/mapping/table-rules.js';
import { formatPlace, routeName } from '../../../core/mapping.js';
import { displayName } from '../../../core/relation.js';
import { isSameSet } from '../../../core/same-set.js';
import { didYouMean } from '../../../core/suggest.js';
import { quoteIdentifier, quoteName } from '../../../platform/postgres.js';
import { findColumn, isUniqueIn } from './catalog.js';
import { defineCheck, type MappedPair, mappedPairs } from './context.js';
import type { Finding, Report } from './finding.js';
import { replicaKey } from './replica-key.js';

/** Tables that keep lineage, merged ones among them, have what their rows are told apart by on both sides. */
export const lineageFit = defineCheck(
  { name: 'lineage-fit', side: 'target', passed: 'tables with lineage have what tells their rows apart' },
  async (context, report) => {
    const kept = (await mappedPairs(context)).filter(({ mapping }) => mapping.lineage);
    const findings = kept.flatMap((pair) => [
      ...sourceKeyFindings(pair, report),
      ...targetFindings(pair, report),
      ...severalFindings(pair, report),
    ]);
    for (const pair of kept) findings.push(...(await typeFindings(pair, context.target, report)));
    return findings;
  },
);

/** New rows of the new project that are equal in `unique` must be one, too: the way back brings them to tables that are one in it. */
function severalFindings({ mapping, target }: MappedPair, report: Report): Finding[] {
  const { unique, sources } = mapping.lineage!;
  if (unique.length === 0 || sources[0] !== routeName(mapping) || isUniqueIn(target, unique)) return [];
  const object = displayName(target);
  const columns = unique.map(quoteIdentifier).join(', ');
  const message = `${formatPlace(mapping.place)}: ${object} has no unique index on (${unique.join(', ')}), by which its rows are one: a cutover with a way back needs it`;
  const remedy = `CREATE UNIQUE INDEX ON ${quoteName(target)} (${columns}), as a migration with \`-- ferry: after-copy\` perhaps`;
  return [report.warn(message, { object, remedy })];
}

/** Rows are one where values are equal, and sorted by them: some types, json among them, know neither. */
async function typeFindings({ mapping, target }: MappedPair, session: ClientBase, report: Report): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const column of mapping.lineage!.unique) {
    const type = findColumn(target, column)?.typeText;
    if (type === undefined || (await isSorted(session, type))) continue;
    const object = `${displayName(target)}.${column}`;
    const message = `${formatPlace(mapping.place)}: ${object} is ${type}: nothing says which of its values are equal`;
    findings.push(report.error(message, { object, remedy: 'Let `unique` name a column of another type.' }));
  }
  return findings;
}

async function isSorted(session: ClientBase, type: string): Promise<boolean> {
  try {
    await session.query(`SELECT NULL::${type} AS value ORDER BY value`);
    return true;
  } catch (error) {
    if ((error as { code?: string }).code === UNDEFINED_FUNCTION) return false;
    throw error;
  }
}

const UNDEFINED_FUNCTION = '42883';

function sourceKeyFindings({ mapping, source }: MappedPair, report: Report): Finding[] {
  const { key } = mapping.lineage!;
  const found = replicaKey(source);
  if (!('columns' in found)) return [];
  const object = displayName(source);
  const place = formatPlace(mapping.place);
  if (found.columns.length === 0) {
    const remedy = `ALTER TABLE ${quoteName(source)} ADD PRIMARY KEY (...)`;
    return [report.error(`${place}: ${object} has no key: nothing tells where a row came from`, { object, remedy })];
  }
  const primary = source.uniqueIndexes.find((index) => index.primary);
  if (source.identity === 'i' && primary && !isSameSet(primary.columns, found.columns)) {
    const message = `${place}: ${object}: its changes name rows by another index than by its primary key`;
    return [report.error(message, { object, remedy: `ALTER TABLE ${quoteName(source)} REPLICA IDENTITY DEFAULT` })];
  }
  const written = `key: [${found.columns.join(', ')}]`;
  if (!key) {
    if (source.identity !== 'f') return [];
    const message = `${place}: ${object}: under REPLICA IDENTITY FULL its changes do not say which columns its key has`;
    return [report.error(message, { object, remedy: `Write ${written} beside \`from\`.` })];
  }
  if (isSameSet(key, found.columns)) return [];
  const message = `${place}: ${object}: \`key\` says (${key.join(', ')}), and the key is (${found.columns.join(', ')})`;
  return [report.error(message, { object, remedy: `Write ${written}.` })];
}

function targetFindings({ mapping, source, target }: MappedPair, report: Report): Finding[] {
  const { unique } = mapping.lineage!;
  const object = displayName(target);
  const place = formatPlace(mapping.place);
  const keys = target.uniqueIndexes.filter(({ immediate, plain }) => immediate && plain);
  const key = keys.find(({ primary }) => primary) ?? keys[0];
  if (!key) {
    const remedy = `ALTER TABLE ${quoteName(target)} ADD PRIMARY KEY (...)`;
    return [report.error(`${place}: ${object} has no primary key: its rows cannot be found again`, { object, remedy })];
  }
  const plain = source.columns.filter(({ generated }) => generated === '').map(({ name }) => name);
  const filled = outputsOf(mapping, plain).map(({ name }) => name);
  const unfilled = key.columns.filter((column) => !filled.includes(column));
  const unknown = unique.filter((column) => !filled.includes(column));
  return [
    ...unfilled.map((column) =>
      report.error(`${place}: ${object}.${column} is of its key, and nothing of ${displayName(source)} fills it`, {
        object: `${object}.${column}`,
        remedy: `Give it a rule: columns: {${column}: {uuid: [${plain[0]}], namespace: ...}}`,
      }),
    ),
    ...unknown.map((column) =>
      report.error(
        `${place}: ${object}.${column}, of which \`unique\` speaks, is filled by nothing of ${displayName(source)}` +
          didYouMean(column, filled),
        {
          object: `${object}.${column}`,
          remedy: `Give it a rule, or take ${quoteIdentifier(column)} out of \`unique\`.`,
        },
      ),
    ),
  ];
}
