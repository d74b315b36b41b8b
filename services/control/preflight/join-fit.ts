import { outputsOf } from '../../../core/mapping/table-rules.js';
import { formatPlace, mergedWith, targetColumn } from '../../../core/mapping.js';
import { displayName } from '../../../core/relation.js';
import { defineCheck, type MappedPair, mappedPairs } from './context.js';
import type { Finding, Report } from './finding.js';
import { replicaKey } from './replica-key.js';

/** Tables that are joined find the rows of the one table by one key, and write different columns of a row. */
export const joinFit = defineCheck(
  { name: 'join-fit', side: 'target', passed: 'tables that are joined have one key, and each part columns of its own' },
  async (context, report) => joinFindings(await mappedPairs(context), report),
);

/** What is wrong with the joined tables among these. Pure. */
export function joinFindings(pairs: readonly MappedPair[], report: Report): Finding[] {
  const joined = pairs.filter(({ mapping }) => mapping.join);
  const mappings = joined.map(({ mapping }) => mapping);
  return joined.flatMap((pair) => {
    const beside = mergedWith(mappings, pair.mapping);
    const others = joined.filter((other) => other !== pair && beside.includes(other.mapping));
    return [...keyFindings(pair, others, report), ...twiceWritten(pair, others, report)];
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
