import { type FilePlace, mergedWith, type TableMapping } from '../../mapping.js';
import type { ColumnRule } from '../column-rule.js';
import type { TableRules } from '../table-rules.js';
import { type ColumnWay, ruleBack } from './column-ways.js';
import { constantsOf, discriminators, haveValues } from './conditions.js';
import { type MappedSides, sideColumn, travelling } from './sides.js';

/** What a mapping of the way back brings. */
interface Brought {
  readonly sides: MappedSides;
  readonly ways: readonly ColumnWay[];
  /** Values that columns of the old table have in all of its rows. */
  readonly given?: ReadonlyMap<string, string>;
  readonly join?: NonNullable<TableMapping['join']>;
  /** Others bring columns of its rows: all of them are in one partition anyway. */
  readonly hasParts?: boolean;
}

/** The mapping that brings the given columns back. */
export function backMapping(brought: Brought, tables: readonly TableMapping[]): TableMapping {
  const { sides, ways, given, join } = brought;
  const { mapping, source, candidates } = sides;
  const moved = ways.filter(({ steps }) => steps.length === 0);
  const brings = (name: string) => ways.some(({ old }) => old.name === name) || given?.has(name);
  // Of a row that is made anew in another partition nobody would know what else it had.
  const isTogether = mapping.partitions === 1 || !travelling(source).every(({ name }) => brings(name));
  const isParted = join === 'part' || brought.hasParts;
  const rules = rulesBack(brought, candidates ? new Map() : ownConstants(sides, tables));
  return {
    source: candidates ?? mapping.target,
    target: mapping.source,
    rename: new Map(moved.flatMap(({ old, now }) => (old.name === now.name ? [] : [[now.name, old.name]]))),
    ...(rules ? { rules } : {}),
    ...(join ? { join } : {}),
    ...(join || candidates || hasOthers(mapping) ? { truncate: 'halt' } : {}),
    ...(isTogether && !isParted ? { partitions: 1 } : {}),
    place: mapping.place,
    columnPlaces: new Map(moved.map(({ old, now }) => [now.name, mapping.columnPlaces.get(old.name) ?? mapping.place])),
  };
}

/** The old table has rows that the new one never had. */
function hasOthers({ rules }: TableMapping): boolean {
  return rules?.where !== undefined;
}

/** Undefined where all columns of the new table only move. */
function rulesBack(
  { sides: { mapping, target }, ways, given = new Map() }: Brought,
  constants: ReadonlyMap<string, string>,
): TableRules | undefined {
  const condition = haveValues(constants);
  const made = ways.flatMap((way) => {
    const rule = ruleBack(way);
    return rule ? [{ way, rule }] : [];
  });
  const moved = ways.filter(({ steps }) => steps.length === 0).map(({ now }) => now.name);
  const isWhole = travelling(target).every(({ name }) => moved.includes(name));
  if (isWhole && made.length === 0 && given.size === 0 && !condition) return undefined;
  return {
    pick: moved,
    drop: [],
    ...(condition ? { where: { condition, place: mapping.place } } : {}),
    columns: new Map([
      ...made.map(({ way, rule }): [string, ColumnRule] => [way.old.name, rule]),
      ...[...given].map(([name, constant]): [string, ColumnRule] => [name, { constant }]),
    ]),
    places: new Map([
      ...made.map(({ way }): [string, FilePlace] => [
        way.old.name,
        mapping.rules?.places.get(way.now.name) ?? mapping.place,
      ]),
      ...[...given.keys()].map((name): [string, FilePlace] => [name, mapping.rules?.where?.place ?? mapping.place]),
    ]),
  };
}

/** Constants that rows of the new table must have to be rows of this mapping: those of its key, and those of a merge. */
export function ownConstants({ mapping, target }: MappedSides, tables: readonly TableMapping[]): Map<string, string> {
  const isMerged = mergedWith(tables, mapping).length > 1;
  const telling = isMerged ? (discriminators(tables, mapping) ?? []) : [];
  return new Map([...constantsOf(mapping)].filter(([name]) => telling.includes(name) || sideColumn(target, name)?.key));
}
