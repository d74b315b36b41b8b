import type { TableMapping } from '../mapping.js';
import { displayName } from '../relation.js';
import { backMapping } from './invert/back-mapping.js';
import { type ColumnWay, columnWays } from './invert/column-ways.js';
import { areDisjoint } from './invert/conditions.js';
import { columnsOneWay, tableOneWay } from './invert/name-one-way.js';
import { compileObstacle, tableObstacle } from './invert/obstacle.js';
import type { OneWay } from './invert/one-way.js';
import type { MappedSides } from './invert/sides.js';

/** The mapping from the new project to the old one. */
export interface InvertedMapping {
  /** They write whole rows: today's transform takes each of them. */
  readonly tables: readonly TableMapping[];
  /**
   * Of a table that is split: columns of rows that are another table's. They must neither create nor delete rows of the
   * old table, which no mapping can say yet.
   */
  readonly parts: readonly TableMapping[];
  /**
   * Of a table that is split by rows: each writes whole rows of it, of which the others write others. To fold the changes of
   * several tables by the row of one is not built yet, and a mapping file cannot say it.
   */
  readonly splits: readonly TableMapping[];
  /** What does not come back. */
  readonly oneWay: readonly OneWay[];
}

/** A mapping, and what of it can come back. */
export interface Plan {
  readonly sides: MappedSides;
  readonly ways: readonly ColumnWay[];
  /** Why nothing does. */
  readonly obstacle: string | undefined;
}

/**
 * What the pipeline's mapping is in the other direction. Pure: the same mapping and catalogs give the same.
 * @param all the pipeline's mappings whose tables are there, in their order.
 */
export function invertMappings(all: readonly MappedSides[]): InvertedMapping {
  const mappings = all.map(({ mapping }) => mapping);
  const plans = all.map((sides): Plan => {
    const ways = columnWays(sides);
    const known = tableObstacle(sides, ways, mappings);
    const obstacle = known ?? compileObstacle(backMapping({ sides, ways }, mappings), sides);
    return { sides, ways, obstacle };
  });
  const alone = plans.map((plan) => invertPlan(plan, plans, mappings));
  const back = alone.map((one, i) => besideOthers(one, plans[i]!, alone));
  return {
    tables: back.flatMap(({ table }) => table ?? []),
    parts: back.flatMap(({ part }) => part ?? []),
    splits: back.flatMap(({ split }) => split ?? []),
    oneWay: back.flatMap(({ oneWay }) => oneWay),
  };
}

interface Back {
  readonly table?: TableMapping;
  readonly part?: TableMapping;
  readonly split?: TableMapping;
  readonly oneWay: readonly OneWay[];
}

function invertPlan(plan: Plan, plans: readonly Plan[], mappings: readonly TableMapping[]): Back {
  const { sides, ways, obstacle } = plan;
  if (obstacle !== undefined) return { oneWay: [tableOneWay(sides, obstacle)] };
  const leaders = leadersOf(plan, plans);
  if (leaders.length === 0) {
    return { table: backMapping(plan, mappings), oneWay: columnsOneWay(plan, plans, mappings) };
  }
  const brought = new Set(
    leaders.flatMap((leader) => (leader.obstacle === undefined ? leader.ways.map(({ old }) => old.name) : [])),
  );
  const own = ways.filter(({ old }) => old.key || !brought.has(old.name));
  const leader = displayName(leaders[0]!.sides.mapping.target);
  const why = `its rows are parts of those of ${leader}, and to write the columns of a part is not built yet`;
  return { part: backMapping({ sides, ways: own }, mappings), oneWay: [tableOneWay(sides, why)] };
}

/** A table that others write into, too. */
function besideOthers(one: Back, { sides }: Plan, all: readonly Back[]): Back {
  const { table } = one;
  if (!table) return one;
  const others = all.flatMap((other) =>
    other.table && other !== one && displayName(other.table.target) === displayName(table.target) ? other.table : [],
  );
  if (others.length === 0) return one;
  const names = others.map(({ source }) => displayName(source)).join(', ');
  const why = `its rows and those of ${names} are rows of one table, and to write several tables into one is not built yet`;
  return { split: table, oneWay: [tableOneWay(sides, why)] };
}

/**
 * Tables whose rows are the old table's before a table's are, and may be the same rows. One that does not come back is
 * among them: a row that goes in a part of it is not gone from the old table.
 */
function leadersOf(plan: Plan, plans: readonly Plan[]): Plan[] {
  const { mapping } = plan.sides;
  const siblings = plans
    .filter(({ sides }) => displayName(sides.mapping.source) === displayName(mapping.source))
    .sort(byRank);
  return siblings
    .slice(0, siblings.indexOf(plan))
    .filter(({ sides }) => !areDisjoint(sides.mapping.rules?.where?.condition, mapping.rules?.where?.condition));
}

/** All rows before some of them, then many columns before few. */
function byRank(one: Plan, other: Plan): number {
  const isOfSome = ({ sides }: Plan) => Number(sides.mapping.rules?.where !== undefined);
  return isOfSome(one) - isOfSome(other) || other.ways.length - one.ways.length;
}
