import { formatPlace } from '../../../core/mapping.js';
import { partitionGroups } from '../../../core/partition-groups.js';
import { displayName } from '../../../core/relation.js';
import { unfilledColumns } from './column-fit.js';
import { defineCheck, type MappedPair, mappedPairs } from './context.js';
import { type Finding, listed, type Report } from './finding.js';

/** What becomes of rows that the log has in several partitions, which are applied each by itself. */
export const spreadRows = defineCheck(
  { name: 'spread-rows', side: 'target', passed: 'nothing of a row is lost, or waited for, between partitions' },
  async (context, report) => {
    const { wayBackOf, log } = context.pipeline;
    if (log.partitions === 1) return [];
    const pairs = spreadPairs(await mappedPairs(context));
    return [...(wayBackOf ? unwrittenFindings(pairs, report) : []), ...uniqueFindings(pairs, report)];
  },
);

/** Those of which not all rows are in one partition. */
export function spreadPairs(pairs: readonly MappedPair[]): MappedPair[] {
  const groups = partitionGroups(pairs.map(({ mapping }) => mapping));
  return pairs.filter(({ source }) => !groups.has(displayName(source)));
}

/** Tables of which a row is made anew when its key leads to another partition, without what only the old one had. Pure. */
export function unwrittenFindings(pairs: readonly MappedPair[], report: Report): Finding[] {
  return pairs.flatMap((pair) => {
    const { mapping, source, target } = pair;
    const unwritten = unfilledColumns(pair, pairs).map(({ name }) => name);
    if (unwritten.length === 0) return [];
    const object = displayName(target);
    const message = `${formatPlace(mapping.place)}: a row of ${displayName(source)} whose key leads to another partition gets the defaults of ${listed(unwritten)} in ${object}`;
    const remedy = 'Write `partitions: 1` there before it is armed; once it is, `ferry resync` arms it anew.';
    return [report.warn(message, { object, remedy })];
  });
}

/** Tables of which a unique value may pass from a row of one partition to a row of another, which waits for it. Pure. */
export function uniqueFindings(pairs: readonly MappedPair[], report: Report): Finding[] {
  const names = pairs.flatMap(({ target }) => {
    const key = target.uniqueIndexes.find(({ primary }) => primary)?.columns ?? [];
    const other = target.uniqueIndexes.find(({ primary, columns }) => !primary && !isPartOf(key, columns));
    return other ? [`${displayName(target)} (${other.columns.join(', ') || other.name})`] : [];
  });
  if (names.length === 0) return [];
  const message = `unique beside the key: ${listed(names)}; when such a value passes from a row to another one, their partitions wait for each other`;
  const remedy =
    'Where values pass as a matter of course, like places in a list, write `partitions: 1` at the table in the mapping, before the pipeline begins.';
  return [report.warn(message, { remedy })];
}

/** Rows of one value have one key then. */
function isPartOf(key: readonly string[], columns: readonly string[]): boolean {
  return key.length > 0 && key.every((name) => columns.includes(name));
}
