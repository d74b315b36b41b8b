import type { FilePlace, TableMapping } from '../../mapping.js';
import { displayName } from '../../relation.js';
import { inputsOf } from '../compile-rule.js';
import type { Plan } from '../invert.js';
import { ownConstants } from './back-mapping.js';
import { describeRule, forwardOutputs, placeOfOutput } from './column-ways.js';
import type { OneWay } from './one-way.js';
import { type MappedSides, travelling } from './sides.js';

export function tableOneWay({ mapping }: MappedSides, why: string): OneWay {
  const follows = `nothing written to ${displayName(mapping.target)} comes back to ${displayName(mapping.source)}`;
  return { level: 'table', ...namesOf(mapping), place: mapping.place, follows, why };
}

/** What of a table that comes back does not: values and columns of the new table, then columns and rows of the old one. */
export function columnsOneWay(plan: Plan, plans: readonly Plan[], tables: readonly TableMapping[]): OneWay[] {
  return [
    ...lostValues(plan),
    ...lostColumns(plan, tables),
    ...unfilledColumns(plan, plans),
    ...otherRows(plan, tables),
  ];
}

function lostValues({ sides, ways }: Plan): OneWay[] {
  const { mapping } = sides;
  const outputs = forwardOutputs(sides);
  return ways.flatMap(({ old, now, limits }) => {
    const place = placeOfOutput(
      mapping,
      outputs.find(({ name }) => name === now.name),
    );
    const all = now.notNull || !old.notNull ? limits : [...limits, `${old.name} is NOT NULL, which refuses a null`];
    const follows = `not every value of ${displayName(mapping.target)}.${now.name} comes back as it is`;
    return all.map((why): OneWay => ({ level: 'values', ...namesOf(mapping), column: now.name, place, follows, why }));
  });
}

function lostColumns({ sides, ways }: Plan, tables: readonly TableMapping[]): OneWay[] {
  const { mapping, target } = sides;
  const outputs = forwardOutputs(sides);
  const constants = ownConstants(sides, tables);
  const source = displayName(mapping.source);
  return travelling(target).flatMap((now): OneWay[] => {
    if (ways.some((way) => way.now === now) || constants.has(now.name)) return [];
    const output = outputs.find(({ name }) => name === now.name);
    const follows = `what is written to ${displayName(mapping.target)}.${now.name} does not come back`;
    const place = placeOfOutput(mapping, output);
    return [{ level: 'column', ...namesOf(mapping), column: now.name, place, follows, why: whyLost() }];

    function whyLost(): string {
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

function unfilledColumns({ sides, ways }: Plan, plans: readonly Plan[]): OneWay[] {
  const { mapping, source } = sides;
  const [from, to] = [displayName(mapping.source), displayName(mapping.target)];
  return travelling(source).flatMap((old): OneWay[] => {
    if (ways.some((way) => way.old === old)) return [];
    const common = { ...namesOf(mapping), column: old.name, place: placeOfLeft(sides, old.name) };
    const other = plans.find(
      ({ sides: { mapping: one }, ways }) =>
        displayName(one.source) === from && ways.some((way) => way.old.name === old.name),
    );
    const filler = other ? `only ${displayName(other.sides.mapping.target)} has it` : 'nothing gives it back';
    if (old.notNull && !old.hasDefault) {
      const why = `${from}.${old.name} is NOT NULL without a default, and ${filler}`;
      return [
        { level: 'new-rows', ...common, follows: `a row that is new in ${to} cannot be written to ${from}`, why },
      ];
    }
    const fresh = old.hasDefault ? 'has its default' : 'is null';
    const follows = `${from}.${old.name} keeps what it has, and ${fresh} in a row that is new in ${to}`;
    return [{ level: 'kept', ...common, follows, why: filler }];
  });
}

/** Where the mapping leaves a column, or makes something else of it. */
function placeOfLeft({ mapping }: MappedSides, column: string): FilePlace {
  const rule = [...(mapping.rules?.columns ?? [])].find(([, rule]) => inputsOf(rule).includes(column));
  const place = mapping.columnPlaces.get(column) ?? (rule && mapping.rules?.places.get(rule[0]));
  return place ?? mapping.place;
}

function otherRows({ sides }: Plan, tables: readonly TableMapping[]): OneWay[] {
  const { mapping } = sides;
  const { where } = mapping.rules ?? {};
  const [from, to] = [displayName(mapping.source), displayName(mapping.target)];
  const constants = [...ownConstants(sides, tables)].map(([name, value]) => `${name} = ${value}`).join(', ');
  return [
    ...(where
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

function namesOf({ source, target }: TableMapping): Pick<OneWay, 'source' | 'target'> {
  return { source: displayName(source), target: displayName(target) };
}
