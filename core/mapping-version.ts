import { routeName, type TableMapping } from './mapping.js';
import { displayName } from './relation.js';

/** What the domain topics of one version of the mapping were made by, in the control topic. */
export interface VersionRecord {
  readonly tables: readonly MappedTable[];
  /** filling: `ferry replay --mapping` makes its topics; ready: services work with it; gone: its topics were deleted. */
  readonly state: 'filling' | 'ready' | 'gone';
}

/** One table of a record: what of its mapping stands in a domain topic. */
export interface MappedTable {
  /** Source and target table, `schema.table`. */
  readonly source: string;
  readonly target: string;
  /** The domain schema. */
  readonly schema: string;
  /** As {@link routeName} says it. */
  readonly route: string;
  readonly says: TableContent;
}

interface TableContent {
  readonly rename: Readonly<Record<string, string>>;
  readonly where: Json;
  readonly pick: readonly string[] | null;
  readonly drop: readonly string[];
  readonly columns: Json;
  /** Columns in which merged rows are one, and the key that tells them apart. */
  readonly lineage: Json;
}

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** Followed by the version. */
export const VERSION_PREFIX = 'mapping-version/';

/**
 * What a mapping puts into domain topics. Which of merged tables has precedence, and what follows on a TRUNCATE or a
 * change of columns, is for apply alone: it may change at any time.
 */
export function contentsOf(tables: readonly TableMapping[]): MappedTable[] {
  const mapped = tables.map((mapping) => ({
    source: displayName(mapping.source),
    target: displayName(mapping.target),
    schema: mapping.target.schema,
    route: routeName(mapping),
    says: contentOf(mapping),
  }));
  const name = ({ target, source }: MappedTable) => `${target} < ${source}`;
  return mapped.sort((a, b) => (name(a) < name(b) ? -1 : 1));
}

function contentOf({ rename, rules, lineage }: TableMapping): TableContent {
  const content: TableContent = {
    rename: Object.fromEntries([...rename].sort(byName)),
    where: (rules?.where?.condition ?? null) as Json,
    pick: rules?.pick ? [...rules.pick].sort() : null,
    drop: [...(rules?.drop ?? [])].sort(),
    columns: Object.fromEntries([...(rules?.columns ?? [])].sort(byName)) as Json,
    lineage: lineage ? [[...lineage.unique], lineage.key ? [...lineage.key] : null] : null,
  };
  // As it comes back from the log: what is undefined is absent.
  return JSON.parse(JSON.stringify(content));
}

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1;
}

/**
 * Tables whose rows in the domain topics are not what the mapping would make of them now. Tables that join or leave are
 * none of them: the log tells where they begin and end (docs/decisions/0016-tables-come-and-go.md). Nor is one whose
 * source has another name, or a `map` with more values: the rows that it had not known were refused.
 */
export function changedTables(before: readonly MappedTable[], now: readonly TableMapping[]): MappedTable[] {
  const tables = contentsOf(now);
  const isMapped = (one: MappedTable) =>
    tables.some(({ source, target }) => one.source === source && one.target === target);
  return tables.filter((table) => {
    const ofTarget = before.filter(({ target }) => target === table.target);
    const same = ofTarget.find(({ source }) => source === table.source);
    if (same) return same.route !== table.route || !holds(same.says, table.says);
    if (before.some(({ source }) => source === table.source)) return true;
    const renamed = ofTarget.filter((one) => !isMapped(one));
    return renamed.length > 0 && !renamed.some(({ says }) => holds(says, table.says));
  });
}

/** What services that take a mapping with tables that joined or left leave behind: nothing of before is forgotten. */
export function joined(before: readonly MappedTable[], now: readonly MappedTable[]): MappedTable[] {
  const left = before.filter(
    (one) => !now.some(({ source, target }) => one.source === source && one.target === target),
  );
  return [...now, ...left];
}

/**
 * Which version of the mapping a replay makes: the one that it has begun, or one that nobody has used.
 * @param current what pipeline.yaml says.
 */
export function nextVersion(
  versions: ReadonlyMap<number, VersionRecord>,
  current: number,
  tables: readonly TableMapping[],
): number {
  const says = JSON.stringify(contentsOf(tables));
  const isSame = (record: VersionRecord) => JSON.stringify(record.tables) === says;
  const record = versions.get(current);
  if (record && record.state !== 'gone' && isSame(record)) return current;
  const begun = [...versions].find(([version, one]) => version > current && one.state === 'filling' && isSame(one));
  if (begun) return begun[0];
  const highest = Math.max(...versions.keys(), current);
  return !record && versions.size > 0 && current === highest ? current : highest + 1;
}

/** Whether rows of before are what they would be now. */
function holds(before: unknown, now: unknown, isInSteps = false): boolean {
  if (typeof before !== 'object' || before === null || typeof now !== 'object' || now === null) return before === now;
  const [old, young] = [Object.entries(before), Object.entries(now)];
  // In their order: that of `object` and `replace` means something.
  return (
    old.length === young.length &&
    old.every(([key, value], i) => young[i]![0] === key && isKept([key, value], young[i]![1], { before, isInSteps }))
  );
}

/** Of a `map` without `else` it is enough that its values are kept. */
function isKept(
  [key, before]: readonly [string, unknown],
  now: unknown,
  { before: step, isInSteps }: { readonly before: object; readonly isInSteps: boolean },
): boolean {
  const isMap = isInSteps && key === 'map' && !('else' in step);
  if (!isMap || !isTable(before) || !isTable(now)) return holds(before, now, isInSteps || key === 'steps');
  return Object.entries(before).every(([value, result]) => value in now && now[value] === result);
}

function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
