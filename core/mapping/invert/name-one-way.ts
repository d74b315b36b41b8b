import { type FilePlace, mergedWith, type TableMapping } from '../../mapping.js';
import { displayName } from '../../relation.js';
import { inputsOf } from '../compile-rule.js';
import { columnsOf } from '../expression.js';
import type { Role } from '../invert.js';
import { ownConstants } from './back-mapping.js';
import { columnWays, describeRule, forwardOutputs, placeOfOutput } from './column-ways.js';
import { lineageKeyOf } from './lineage-back.js';
import type { OneWay } from './one-way.js';
import { type MappedSides, sideColumn, travelling } from './sides.js';

export function tableOneWay({ mapping }: MappedSides, why: string): OneWay {
  const follows = `nothing written to ${displayName(mapping.target)} comes back to ${displayName(mapping.source)}`;
  return { level: 'table', ...namesOf(mapping), place: mapping.place, follows, why };
}

/** What stands beside a table whose rows come back. */
interface Beside {
  /** The others that the old table's rows or columns went to. */
  readonly siblings: readonly Role[];
  /** What columns of the old table have in all of its rows. */
  readonly given: ReadonlyMap<string, string>;
}

/** What of a table that comes back does not: values and columns of the new table, then columns and rows of the old one. */
export function rowsOneWay(role: Role, beside: Beside, tables: readonly TableMapping[]): OneWay[] {
  const { given } = beside;
  return [
    ...lostValues(role),
    ...lostColumns(role, tables),
    ...unfilledColumns(role, beside),
    ...otherRows(role, given, tables),
    ...newcomers(role, tables),
  ];
}

/** The same of columns that come back into rows which another table brings. */
export function partOneWay(role: Role, given: Beside['given'], tables: readonly TableMapping[]): OneWay[] {
  const { mapping } = role.plan.sides;
  const [from, to] = [displayName(mapping.source), displayName(mapping.target)];
  const own = role.ways.flatMap(({ old }) => (old.key ? [] : [old.name])).join(', ');
  const leaders = role.leaders.flatMap((leader) => (leader.obstacle === undefined ? [targetOf(leader)] : []));
  const common = { ...namesOf(mapping), place: mapping.place };
  return [
    ...lostValues(role),
    ...lostColumns(role, tables),
    ...otherRows(role, given, tables),
    {
      level: 'rows',
      ...common,
      follows: `a row of ${to} is refused where ${from} has none of its key`,
      why: `its columns come back into rows that ${leaders.join(' or ')} brings`,
    },
    {
      level: 'values',
      ...common,
      follows: `a row that goes from ${to} leaves ${own} of its row in ${from} as it is`,
      why: `its rows are parts of those of ${leaders.join(' or ')}`,
    },
  ];
}

function lostValues({ plan: { sides }, ways }: Role): OneWay[] {
  return ways.flatMap(({ old, now, limits }) => {
    const all = now.notNull || !old.notNull ? limits : [...limits, `${old.name} is NOT NULL, which refuses a null`];
    return all.map((why) => limited(sides, now.name, why));
  });
}

function limited(sides: MappedSides, column: string, why: string): OneWay {
  const { mapping } = sides;
  const place = placeOfOutput(
    mapping,
    forwardOutputs(sides).find(({ name }) => name === column),
  );
  const follows = `not every value of ${displayName(mapping.target)}.${column} comes back as it is`;
  return { level: 'values', ...namesOf(mapping), column, place, follows, why };
}

function lostColumns({ plan, ways, leaders }: Role, tables: readonly TableMapping[]): OneWay[] {
  const { sides } = plan;
  const { mapping, target } = sides;
  const outputs = forwardOutputs(sides);
  const constants = ownConstants(sides, tables);
  const source = displayName(mapping.source);
  return travelling(target).flatMap((now): OneWay[] => {
    if (ways.some((way) => way.now === now) || constants.has(now.name)) return [];
    if ([...(plan.following?.key ?? []), ...(plan.following?.rowKey ?? [])].includes(now.name)) return [];
    const output = outputs.find(({ name }) => name === now.name);
    const follows = `what is written to ${displayName(mapping.target)}.${now.name} does not come back`;
    const place = placeOfOutput(mapping, output);
    return [{ level: 'column', ...namesOf(mapping), column: now.name, place, follows, why: whyLost() }];

    function whyLost(): string {
      const own = plan.ways.find((way) => way.now === now);
      const leader = own && leaders.find((one) => brings(one, own.old.name));
      if (leader) return `${source}.${own.old.name} comes back from ${targetOf(leader)}`;
      if (!output || (output.kind === 'rule' && output.rule.constant !== undefined))
        return `${source} has no column for it`;
      const from = output.kind === 'move' ? output.column : describeRule(output.rule);
      const old = travelling(sides.source).find(({ name }) => name === from);
      if (!old) return from;
      const other = ways.find((way) => way.old === old);
      if (other) return `${source}.${old.name} comes back from ${other.now.name}`;
      return `it is ${now.typeText}, which does not give back each ${old.typeText} of ${old.name} as it was`;
    }
  });
}

function unfilledColumns(role: Role, { siblings, given }: Beside): OneWay[] {
  const { sides } = role.plan;
  const { mapping, source } = sides;
  const [from, to] = [displayName(mapping.source), displayName(mapping.target)];
  return travelling(source).flatMap((old): OneWay[] => {
    if (brings(role, old.name) || given.has(old.name)) return [];
    const common = { ...namesOf(mapping), column: old.name, place: placeOfLeft(sides, old.name) };
    const part = siblings.find((other) => other.leaders.includes(role) && brings(other, old.name));
    const isNeeded = old.notNull && !old.hasDefault;
    if (part && !isNeeded) return [];
    const other = part ?? siblings.find(({ plan }) => plan.ways.some((way) => way.old.name === old.name));
    const filler = other ? `only ${targetOf(other)} has it` : 'nothing gives it back';
    const why = `${from}.${old.name} is NOT NULL without a default, and ${filler}`;
    if (part) {
      const follows = `a row that is new in ${to} needs its row of ${targetOf(part)} in the same transaction`;
      return [{ level: 'rows', ...common, follows, why }];
    }
    if (isNeeded) {
      return [
        { level: 'new-rows', ...common, follows: `a row that is new in ${to} cannot be written to ${from}`, why },
      ];
    }
    const fresh = old.hasDefault ? 'has its default' : 'is null';
    const follows = `${from}.${old.name} keeps what it has, and ${fresh} in a row that is new in ${to}`;
    return [{ level: 'kept', ...common, follows, why: filler }];
  });
}

function brings({ obstacle, ways }: Role, column: string): boolean {
  return obstacle === undefined && ways.some(({ old }) => old.name === column);
}

function targetOf({ plan }: Role): string {
  return displayName(plan.sides.mapping.target);
}

/** Where the mapping leaves a column, or makes something else of it. */
function placeOfLeft({ mapping }: MappedSides, column: string): FilePlace {
  const rule = [...(mapping.rules?.columns ?? [])].find(([, rule]) => inputsOf(rule).includes(column));
  const place = mapping.columnPlaces.get(column) ?? (rule && mapping.rules?.places.get(rule[0]));
  return place ?? mapping.place;
}

function otherRows({ plan: { sides } }: Role, given: Beside['given'], tables: readonly TableMapping[]): OneWay[] {
  const { mapping } = sides;
  const { where } = mapping.rules ?? {};
  const isOfKey = (column: string) => given.has(column) && sideColumn(sides.source, column)?.key === true;
  const [from, to] = [displayName(mapping.source), displayName(mapping.target)];
  const constants = [...ownConstants(sides, tables)].map(([name, value]) => `${name} = ${value}`).join(', ');
  return [
    // What the key says alone, every row that comes back fulfils.
    ...(where && !columnsOf(where.condition).every(isOfKey)
      ? [
          {
            level: 'rows',
            ...namesOf(mapping),
            place: where.place,
            follows: `a row of ${to} that has the key of a row of ${from} outside of \`where\` overwrites it`,
            why: `${to} does not know of that row`,
          } as const,
        ]
      : []),
    ...(constants === ''
      ? []
      : [
          {
            level: 'rows',
            ...namesOf(mapping),
            place: mapping.place,
            follows: `only rows of ${to} with ${constants} come back to ${from}`,
            why: 'all that the mapping brings have it',
          } as const,
        ]),
  ];
}

/** Rows of a table with lineage that no old one is known for. */
function newcomers({ plan: { sides, following } }: Role, tables: readonly TableMapping[]): OneWay[] {
  if (!following) return [];
  const { mapping } = sides;
  const common = { ...namesOf(mapping), place: mapping.place };
  const [from, to] = [displayName(mapping.source), displayName(mapping.target)];
  const first = displayName(mergedWith(tables, mapping)[0]!.source);
  const isFirst = following.constants.size > 0 || first === from;
  const { key, identity } = following;
  const isWhole = identity.length === following.rowKey.length;
  const why = `the key of ${to} is not ${lineageKeyOf(sides).join(', ')} as it is`;
  const refusals = refusedChanges(isWhole ? 'key' : identity.join(', '), to, isFirst);
  const carriers = columnWays(sides).filter(({ now }) => key?.includes(now.name));
  return [
    ...carriers.flatMap(({ now, limits }) => limits.map((limit) => limited(sides, now.name, limit))),
    ...(isFirst
      ? []
      : [
          {
            level: 'rows',
            ...common,
            follows: `a row that is new in ${to} comes back to ${first}, not to ${from}`,
            why: 'nothing in it tells which of them it is of',
          } as const,
        ]),
    ...(key || refusals === ''
      ? []
      : [{ level: 'new-rows', ...common, follows: `a row that ${refusals} is refused in ${from}`, why } as const]),
    ...(key && !isWhole
      ? [
          {
            level: 'rows',
            ...common,
            follows: `of rows of ${to} that have one ${key.join(', ')} only the last that was written is in ${from}`,
            why: `the key of ${to} has more columns`,
          } as const,
        ]
      : []),
  ];
}

/** @param made what of a row of the new table may not change; empty where all may. */
function refusedChanges(made: string, to: string, isFirst: boolean): string {
  if (!isFirst) return made === '' ? '' : `gets another ${made} in ${to}`;
  return made === '' ? `is new in ${to}` : `is new in ${to}, or gets another ${made} there,`;
}

function namesOf({ source, target }: TableMapping): Pick<OneWay, 'source' | 'target'> {
  return { source: displayName(source), target: displayName(target) };
}
