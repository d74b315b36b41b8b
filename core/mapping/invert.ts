import type { TableMapping } from '../mapping.js';
import { displayName } from '../relation.js';
import { areDisjoint, onlyValues } from './demands.js';
import { backMapping } from './invert/back-mapping.js';
import type { ColumnWay } from './invert/column-ways.js';
import { type Following, followingOf, fromCandidates, waysBack } from './invert/lineage-back.js';
import { partOneWay, rowsOneWay, tableOneWay } from './invert/name-one-way.js';
import { compileObstacle, tableObstacle } from './invert/obstacle.js';
import type { OneWay } from './invert/one-way.js';
import { type MappedSides, sideColumn } from './invert/sides.js';

/** The mapping from the new project to the old one. */
export interface InvertedMapping {
  /** Those of a table that was split are joined: its rows first, then parts of them. */
  readonly tables: readonly TableMapping[];
  /** What does not come back. */
  readonly oneWay: readonly OneWay[];
}

/** A mapping, and what of it can come back. */
export interface Plan {
  readonly sides: MappedSides;
  readonly ways: readonly ColumnWay[];
  /** Why nothing does. */
  readonly obstacle: string | undefined;
  /** How new rows come back, where it has lineage. */
  readonly following: Following | undefined;
}

/** How a mapping's rows are written into the old table. */
export interface Role {
  readonly plan: Plan;
  /** The columns that it brings, the key's among them. */
  readonly ways: readonly ColumnWay[];
  /** Of a part: the tables whose rows its rows may be of. */
  readonly leaders: readonly Role[];
  /** Why nothing comes back. */
  readonly obstacle: string | undefined;
}

/**
 * What the pipeline's mapping is in the other direction. Pure: the same mapping and catalogs give the same.
 * @param all the pipeline's mappings whose tables are there, in their order.
 */
export function invertMappings(all: readonly MappedSides[]): InvertedMapping {
  const mappings = all.map(({ mapping }) => mapping);
  const plans = all.map((known): Plan => {
    const sides = fromCandidates(known);
    const ways = waysBack(sides);
    const obstacle =
      tableObstacle(sides, ways, mappings) ?? compileObstacle(backMapping({ sides, ways }, mappings), sides);
    return { sides, ways, obstacle, following: known.candidates && followingOf(known, mappings) };
  });
  const roles = rolesOf(plans);
  const back = plans.map((plan) => invertRole(roles.get(plan)!, [...roles.values()], mappings));
  const tables = back.flatMap(({ table }) => table ?? []);
  return {
    tables: [...tables.filter(({ join }) => join !== 'part'), ...tables.filter(({ join }) => join === 'part')],
    oneWay: back.flatMap(({ oneWay }) => oneWay),
  };
}

interface Back {
  readonly table?: TableMapping;
  readonly oneWay: readonly OneWay[];
}

function invertRole(role: Role, roles: readonly Role[], mappings: readonly TableMapping[]): Back {
  const { plan, ways, leaders, obstacle } = role;
  const { sides } = plan;
  if (obstacle !== undefined) return { oneWay: [tableOneWay(sides, obstacle)] };
  const siblings = roles.filter((other) => other !== role && isOfSameTable(other.plan, plan));
  const given = givenValues(role, siblings);
  if (leaders.length > 0) {
    const table = backMapping({ sides, ways, given, join: 'part' }, mappings);
    return { table, oneWay: partOneWay(role, given, mappings) };
  }
  const others = siblings.filter((other) => other.obstacle === undefined);
  const back = {
    sides,
    ways,
    given,
    ...(others.length > 0 ? { join: 'rows' as const } : {}),
    hasParts: others.some((other) => other.leaders.includes(role)),
  };
  return { table: backMapping(back, mappings), oneWay: rowsOneWay(role, { siblings, given }, mappings) };
}

/** A table whose rows may be those of another one is a part of that. */
function rolesOf(plans: readonly Plan[]): Map<Plan, Role> {
  const roles = new Map<Plan, Role>();
  for (const plan of plans.toSorted(byRank)) {
    const leaders = [...roles.values()].filter(({ plan: other }) => isOfSameTable(other, plan) && mayMeet(other, plan));
    const { ways, obstacle } = plan;
    roles.set(plan, leaders.length === 0 ? { plan, ways, leaders, obstacle } : partOf(plan, leaders));
  }
  return roles;
}

/** Each column comes back from one table alone. */
function partOf(plan: Plan, leaders: readonly Role[]): Role {
  const brought = new Set(leaders.flatMap(({ obstacle, ways }) => (obstacle === undefined ? ways : [])).map(nameOf));
  const ways = plan.ways.filter((way) => way.old.key || !brought.has(nameOf(way)));
  return { plan, ways, leaders, obstacle: plan.obstacle ?? partObstacle(plan, ways, leaders) };
}

function partObstacle({ sides }: Plan, ways: readonly ColumnWay[], leaders: readonly Role[]): string | undefined {
  const target = ({ plan }: Role) => displayName(plan.sides.mapping.target);
  // What goes in a part of a row is not gone from the old table; what is new there would have no row to go into.
  const lost =
    leaders.find((leader) => leader.obstacle !== undefined && leader.leaders.length === 0) ??
    (leaders.every(({ obstacle }) => obstacle !== undefined) ? leaders[0] : undefined);
  if (lost) return `its rows are parts of those of ${target(lost)}, of which nothing comes back`;
  if (ways.some(({ old }) => !old.key)) return undefined;
  const others = leaders.filter(({ obstacle }) => obstacle === undefined);
  return `what it has of ${displayName(sides.mapping.source)} comes back from ${others.map(target).join(', ')}`;
}

/** What the condition says of columns that do not come back otherwise: their values in all rows of the table. Parts have the key's. */
function givenValues({ plan, ways, leaders: own }: Role, siblings: readonly Role[]): Map<string, string> {
  const { mapping, source } = plan.sides;
  const parts = siblings.filter(({ obstacle, leaders }) => obstacle === undefined && leaders.length > 0);
  const brought = new Set([ways, ...parts.map((part) => part.ways)].flat().map(nameOf));
  return new Map(
    [...onlyValues(mapping.rules?.where?.condition)].filter(([name]) => {
      const column = sideColumn(source, name);
      if (!column || column.isGenerated) return false;
      return own.length > 0 ? column.key && !ways.some((way) => nameOf(way) === name) : !brought.has(name);
    }),
  );
}

const nameOf = ({ old }: ColumnWay) => old.name;

function isOfSameTable(one: Plan, other: Plan): boolean {
  return displayName(one.sides.mapping.source) === displayName(other.sides.mapping.source);
}

function mayMeet(one: Plan, other: Plan): boolean {
  const condition = ({ sides }: Plan) => sides.mapping.rules?.where?.condition;
  return !areDisjoint(condition(one), condition(other));
}

/** All rows before some of them, then many columns before few; of as many what comes back at all. */
function byRank(one: Plan, other: Plan): number {
  const isOfSome = ({ sides }: Plan) => Number(sides.mapping.rules?.where !== undefined);
  const isLost = ({ obstacle }: Plan) => Number(obstacle !== undefined);
  return isOfSome(one) - isOfSome(other) || other.ways.length - one.ways.length || isLost(one) - isLost(other);
}
