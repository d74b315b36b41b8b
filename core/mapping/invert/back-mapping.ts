import { mergedWith, type TableMapping } from '../../mapping.js';
import { displayName } from '../../relation.js';
import type { TableRules } from '../table-rules.js';
import { type ColumnWay, ruleBack } from './column-ways.js';
import { constantsOf, discriminators, haveValues } from './conditions.js';
import { type MappedSides, sideColumn, travelling } from './sides.js';

/** The mapping that brings the given columns back. */
export function backMapping(
  { sides, ways }: { readonly sides: MappedSides; readonly ways: readonly ColumnWay[] },
  tables: readonly TableMapping[],
): TableMapping {
  const { mapping } = sides;
  const moved = ways.filter(({ steps }) => steps.length === 0);
  const rules = rulesBack(sides, ways, ownConstants(sides, tables));
  const back: TableMapping = {
    source: mapping.target,
    target: mapping.source,
    rename: new Map(moved.flatMap(({ old, now }) => (old.name === now.name ? [] : [[now.name, old.name]]))),
    ...(rules ? { rules } : {}),
    ...(hasOthers(mapping) ? { truncate: 'halt' } : {}),
    place: mapping.place,
    columnPlaces: new Map(moved.map(({ old, now }) => [now.name, mapping.columnPlaces.get(old.name) ?? mapping.place])),
  };
  const isMerged = mergedWith(tables, mapping).length > 1;
  return isMerged ? { ...back, route: `${displayName(back.source)} -> ${displayName(back.target)}` } : back;
}

/** The old table has rows that the new one never had. */
function hasOthers({ rules, lineage }: TableMapping): boolean {
  return rules?.where !== undefined || (lineage !== undefined && lineage.unique.length > 0);
}

/** Undefined where all columns of the new table only move. */
function rulesBack(
  { mapping, target }: MappedSides,
  ways: readonly ColumnWay[],
  constants: ReadonlyMap<string, string>,
): TableRules | undefined {
  const condition = haveValues(constants);
  const made = ways.flatMap((way) => {
    const rule = ruleBack(way);
    return rule ? [{ way, rule }] : [];
  });
  const moved = ways.filter(({ steps }) => steps.length === 0).map(({ now }) => now.name);
  const isWhole = travelling(target).every(({ name }) => moved.includes(name));
  if (isWhole && made.length === 0 && !condition) return undefined;
  return {
    pick: moved,
    drop: [],
    ...(condition ? { where: { condition, place: mapping.place } } : {}),
    columns: new Map(made.map(({ way, rule }) => [way.old.name, rule])),
    places: new Map(made.map(({ way }) => [way.old.name, mapping.rules?.places.get(way.now.name) ?? mapping.place])),
  };
}

/** Constants that rows of the new table must have to be rows of this mapping: those of its key, and those of a merge. */
export function ownConstants({ mapping, target }: MappedSides, tables: readonly TableMapping[]): Map<string, string> {
  const isMerged = mergedWith(tables, mapping).length > 1;
  const telling = isMerged ? (discriminators(tables, mapping) ?? []) : [];
  return new Map([...constantsOf(mapping)].filter(([name]) => telling.includes(name) || sideColumn(target, name)?.key));
}
