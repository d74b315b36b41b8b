import { FerryError } from '../../errors.js';
import type { TableMapping } from '../../mapping.js';
import { displayName, type Relation } from '../../relation.js';
import { onlyValues } from '../demands.js';
import { RowMapper } from '../row-mapper.js';
import type { RuleKit } from '../rule-kit.js';
import { ownConstants } from './back-mapping.js';
import type { ColumnWay } from './column-ways.js';
import { lineageKeyOf } from './lineage-back.js';
import { type MappedSides, travelling } from './sides.js';

/** Why nothing of a table comes back, by what its key tells; undefined where something does. */
export function tableObstacle(
  sides: MappedSides,
  ways: readonly ColumnWay[],
  tables: readonly TableMapping[],
): string | undefined {
  return sides.candidates ? lineageObstacle(sides) : keyObstacle(sides, ways, tables);
}

/** Candidates have the key that `key` says, and the old table may have another one. */
function lineageObstacle(sides: MappedSides): string | undefined {
  const known = lineageKeyOf(sides);
  const lost = sides.source.columns.find(({ name, key }) => key && !known.includes(name));
  if (!lost) return undefined;
  const from = displayName(sides.mapping.source);
  return `its lineage has (${known.join(', ')}), and rows of ${from} are found by ${lost.name}, too`;
}

/** A row of the old table is found by its key, whose values every change must carry as they were. */
function keyObstacle(
  sides: MappedSides,
  ways: readonly ColumnWay[],
  tables: readonly TableMapping[],
): string | undefined {
  const { mapping, source, target } = sides;
  const keys = source.columns.filter(({ key }) => key);
  if (keys.length === 0) {
    if (target.columns.some(({ key }) => key))
      return `${displayName(mapping.source)} has no key by which its rows are found`;
    if (target.identity === 'f') return undefined;
    return `nothing tells the rows of ${displayName(mapping.target)} apart, and PostgreSQL would refuse to change them once they are published (${UNLESS})`;
  }
  const [from, to] = [displayName(mapping.source), displayName(mapping.target)];
  const moved = ways.filter(({ steps }) => steps.length === 0);
  const carried = target.identity === 'f' ? moved : moved.filter(({ now }) => now.key);
  const given = onlyValues(mapping.rules?.where?.condition);
  const lost = keys.find((key) => !given.has(key.name) && !carried.some(({ old }) => old === key));
  if (lost) {
    const unless = moved.some(({ old }) => old === lost) ? ` (${UNLESS})` : '';
    return `no key of ${to} gives back ${lost.name}, by which rows of ${from} are found${unless}`;
  }
  const constants = ownConstants(sides, tables);
  const left = target.columns.find(
    (column) => column.key && !constants.has(column.name) && !moved.some(({ now }) => now === column),
  );
  if (!left || target.identity === 'f') return undefined;
  return `changes of ${to} name their row by ${left.name}, for which ${from} has no column (${UNLESS})`;
}

/**
 * Why today's transform does not take a mapping of the way back; undefined where it does.
 * @throws what is no matter of the mapping.
 */
export function compileObstacle(back: TableMapping, sides: MappedSides): string | undefined {
  try {
    if (back.rules) new RowMapper(relationOf(sides), back, NO_KIT);
    return undefined;
  } catch (error) {
    if (!(error instanceof FerryError) || error.code !== 'mapping-invalid') throw error;
    const what = error.message.replace(PLACE, '');
    return error.remedy.includes(FULL) ? `${what} (${UNLESS})` : what;
  }
}

const PLACE = /^[^:]*:\d+:\d+: /;
const FULL = 'REPLICA IDENTITY FULL';
const UNLESS = `unless it has ${FULL}`;

/** No rule of a way back needs any. */
const NO_KIT: RuleKit = {
  sha1: () => {
    throw new FerryError('internal', 'a rule of the way back makes a hash');
  },
  functions: new Map(),
};

/** The new table as capture will see it. */
function relationOf({ mapping, target }: MappedSides): Relation {
  const columns = travelling(target);
  const isAll = target.identity === 'f' && columns.some(({ key }) => key);
  return {
    id: 0,
    ...mapping.target,
    identity: target.identity,
    columns: columns.map(({ name, type, typmod, key }) => ({ name, type, typmod, key: key || isAll })),
  };
}
