import { LINEAGE_KEY, mergedWith, routeName, type TableMapping } from '../../mapping.js';
import { inputsOf } from '../compile-rule.js';
import { isText } from './cast-back.js';
import { type ColumnWay, columnWays } from './column-ways.js';
import { constantsOf, discriminators } from './conditions.js';
import { type MappedSides, type SideColumn, travelling } from './sides.js';

/** How a row that is written to the new table finds the row of an old one that it is of, where candidates follow it. */
export interface Following {
  /** The source table, as {@link routeName} says it. */
  readonly source: string;
  /** Values of columns of the new table that all its rows have, and those of the others it is merged with have not; none where rows do not tell. */
  readonly constants: ReadonlyMap<string, string>;
  /** The columns of the new table that have the old key as it is, in its order; undefined where a rule makes the new one. */
  readonly key: readonly string[] | undefined;
  /** The columns of the new table's own key. */
  readonly rowKey: readonly string[];
  /** Those of them that do not come as they are from columns beside the old key: as long as they stay, a row is of the same old one. */
  readonly identity: readonly string[];
}

/**
 * A table with lineage comes back from the candidates of its source table, which have the key that their rows have there.
 * Those follow the new table while the new project serves.
 */
export function fromCandidates(sides: MappedSides): MappedSides {
  if (!sides.candidates) return sides;
  const columns = travelling(sides.target).map((column) => ({ ...column, key: false }));
  return { ...sides, target: { identity: 'i', columns: [...columns, KEY] } };
}

const TEXT = 25;
const KEY: SideColumn = {
  name: LINEAGE_KEY,
  type: TEXT,
  typmod: -1,
  key: true,
  typeText: 'text',
  values: { oid: TEXT, name: 'text', typmod: -1 },
  notNull: true,
  hasDefault: false,
  isGenerated: false,
};

/** The columns of the old table that a candidate's key is of, in its order. */
export function lineageKeyOf({ mapping, source }: MappedSides): readonly string[] {
  return mapping.lineage!.key ?? source.columns.filter(({ key }) => key).map(({ name }) => name);
}

/** The ways back of a mapping's columns; of a key that candidates have, through that. */
export function waysBack(sides: MappedSides): ColumnWay[] {
  const ways = columnWays(sides);
  if (!sides.candidates) return ways;
  const now = sides.target.columns.find(({ name }) => name === LINEAGE_KEY)!;
  const key = lineageKeyOf(sides);
  return travelling(sides.source).flatMap((old): ColumnWay[] => {
    const place = key.indexOf(old.name);
    if (place >= 0) return [{ old, now, steps: [{ json: `[${place}]` }], limits: [] }];
    return ways.filter((way) => way.old === old);
  });
}

/** @param sides as the catalogs have them. */
export function followingOf(sides: MappedSides, tables: readonly TableMapping[]): Following {
  const { mapping, target } = sides;
  const own = constantsOf(mapping);
  const rowKey = target.columns.flatMap(({ name, key }) => (key ? [name] : []));
  const telling = mergedWith(tables, mapping).length > 1 ? (discriminators(tables, mapping) ?? []) : [];
  const moved = columnWays(sides).filter((way) => way.steps.length === 0 && isOneText(way));
  const oldKey = lineageKeyOf(sides);
  const carriers = oldKey.map((name) => moved.find(({ old }) => old.name === name)?.now.name);
  // The old key, and what else a column of the new one is made of.
  const made = rowKey.flatMap((name) => mapping.rules?.columns.get(name) ?? []).flatMap(inputsOf);
  const beside = moved.flatMap(({ old, now }) => ([...oldKey, ...made].includes(old.name) ? [] : [now.name]));
  const identity = rowKey.filter((name) => !beside.includes(name));
  // Of the old row that it becomes, the mapping must make the row that it is.
  const isGiven = identity.every((name) => carriers.includes(name) || own.has(name));
  return {
    rowKey,
    identity,
    source: routeName(mapping),
    constants: new Map(telling.map((name) => [name, own.get(name)!])),
    key: isGiven && carriers.every((name) => name !== undefined) ? carriers : undefined,
  };
}

const INTEGERS = ['int2', 'int4', 'int8'];

/** A value that the old column takes is the same text in both: it is not rounded, cut or written in another way. */
function isOneText({ old: { values: old }, now: { values: now } }: ColumnWay): boolean {
  const areBoth = (names: readonly string[]) => names.includes(old.name) && names.includes(now.name);
  return areBoth(INTEGERS) || (isText(old) && isText(now)) || (old.name === now.name && old.typmod === now.typmod);
}
