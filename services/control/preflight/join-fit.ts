import { outputsOf } from '../../../core/mapping/table-rules.js';
import { formatPlace, mergedWith, targetColumn } from '../../../core/mapping.js';
import { displayName } from '../../../core/relation.js';
import { defineCheck, type MappedPair, mappedPairs } from './context.js';
import type { Finding, Report } from './finding.js';
import { replicaKey } from './replica-key.js';
import { spreadPairs } from './spread-rows.js';

/** Tables that are joined find the rows of the one table by one key, and write different columns of a row. */
export const joinFit = defineCheck(
  { name: 'join-fit', side: 'target', passed: 'tables that are joined have one key, and each part columns of its own' },
  async (context, report) => joinFindings(await mappedPairs(context), report, context.pipeline.log.partitions),
);

/** What is wrong with the joined tables among these, in a log of so many partitions. Pure. */
export function joinFindings(pairs: readonly MappedPair[], report: Report, partitions: number): Finding[] {
  const joined = pairs.filter(({ mapping }) => mapping.join);
  const mappings = joined.map(({ mapping }) => mapping);
  const spread = partitions > 1 ? spreadPairs(joined) : [];
  return joined.flatMap((pair) => {
    const beside = mergedWith(mappings, pair.mapping);
    const others = joined.filter((other) => other !== pair && beside.includes(other.mapping));
    return [
      ...keyFindings(pair, others, report),
      ...(spread.includes(pair) ? placedApart(pair, others, report) : []),
      ...twiceWritten(pair, others, report),
    ];
  });
}

/** The columns of the target by which a joined table's rows are found; undefined where another check says why. */
function keyOf({ mapping, source }: MappedPair): string[] | undefined {
  const key = replicaKey(source);
  return 'columns' in key ? key.columns.map((column) => targetColumn(mapping, column)).toSorted() : undefined;
}

function keyFindings(pair: MappedPair, others: readonly MappedPair[], report: Report): Finding[] {
  const { mapping, source, target } = pair;
  const [place, object] = [formatPlace(mapping.place), displayName(target)];
  const key = keyOf(pair);
  if (!key) return [];
  if (key.length === 0) {
    const message = `${place}: ${displayName(source)} has no key by which the rows of ${object} that it is joined in are found`;
    return [report.error(message, { object, remedy: 'Give it a primary key, or take it out of `join`.' })];
  }
  const [first] = others.filter((other) => keyOf(other)?.join() !== key.join() && keyOf(other)?.length);
  if (!first) return [];
  const message = `${place}: ${displayName(source)} finds rows of ${object} by (${key.join(', ')}), and ${displayName(first.source)} by (${keyOf(first)!.join(', ')})`;
  return [report.error(message, { object, remedy: 'Tables that are joined need one key; take one of them out.' })];
}

/** Columns of the target whose values say in which partition a joined table's row is, in their order. */
function partitionKeyOf({ mapping, source }: MappedPair): string[] {
  const index = source.identity === 'i' ? source.uniqueIndexes.find((one) => one.replicaIdentity) : undefined;
  const key = replicaKey(source);
  const columns = index?.columns ?? ('columns' in key ? key.columns : []);
  return columns.map((column) => targetColumn(mapping, column));
}

/** Partitions are applied each by itself: what is in another one waits for a row that never comes. */
function placedApart(pair: MappedPair, others: readonly MappedPair[], report: Report): Finding[] {
  const { mapping, source, target } = pair;
  const key = keyOf(pair)?.join();
  const own = partitionKeyOf(pair).join(', ');
  const alike = others.filter((other) => key !== undefined && key !== '' && keyOf(other)?.join() === key);
  const first = alike.find((other) => partitionKeyOf(other).join(', ') !== own);
  if (!first) return [];
  const message =
    `${formatPlace(mapping.place)}: rows of ${displayName(source)} come in the partition of (${own}), and those of ` +
    `${displayName(first.source)}, which it is joined with, in that of (${partitionKeyOf(first).join(', ')})`;
  const remedy =
    'Give their keys, or the indexes of their REPLICA IDENTITY, the same columns in one order; or begin with log.partitions: 1.';
  return [report.error(message, { object: displayName(target), remedy })];
}

/** Nobody knows whose value a column has that two of a row's tables write. */
function twiceWritten(pair: MappedPair, others: readonly MappedPair[], report: Report): Finding[] {
  const { mapping, source, target } = pair;
  if (mapping.join !== 'part') return [];
  const object = displayName(target);
  const own = writtenBeside(pair);
  return others.flatMap((other) => {
    const twice = writtenBeside(other).filter((column) => own.includes(column));
    if (twice.length === 0) return [];
    const message = `${formatPlace(mapping.place)}: ${displayName(source)} and ${displayName(other.source)} both write ${twice.join(', ')} of ${object}`;
    return [report.error(message, { object, remedy: 'Let one of them have it: `pick` and `drop` leave columns out.' })];
  });
}

/** The columns that a table writes beside the key. */
function writtenBeside({ mapping, source }: MappedPair): string[] {
  const key = keyOf({ mapping, source, target: source }) ?? [];
  const plain = source.columns.filter(({ generated }) => generated === '').map(({ name }) => name);
  return outputsOf(mapping, plain).flatMap(({ name }) => (key.includes(name) ? [] : [name]));
}
