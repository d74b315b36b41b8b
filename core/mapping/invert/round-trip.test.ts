import fc from 'fast-check';
import { expect, test } from 'vitest';
import { mappedSides, sideTable } from '../../../test/support/mapped-sides.js';
import { anyText } from '../../../test/support/texts.js';
import type { TableMapping } from '../../mapping.js';
import type { RowLine } from '../../record.js';
import type { Relation } from '../../relation.js';
import { invertMappings } from '../invert.js';
import { RowMapper } from '../row-mapper.js';
import type { SideTable } from './sides.js';

/** One column of the old table, and what the mapping does with it. */
interface Treated {
  /** Of the old table: type and marks, as `sideTable` reads them. */
  readonly old: string;
  /** Columns of the new table by name. */
  readonly now: Readonly<Record<string, string>>;
  readonly rename?: string;
  readonly isDropped?: true;
  /** Rules by target column. */
  readonly rules?: Readonly<Record<string, object>>;
  readonly value: fc.Arbitrary<string | null>;
  readonly comesBack: boolean;
}

/** `${` in YAML means a variable of the environment. */
const text = anyText.filter((any) => !any.includes('${') && any !== '__proto__');
const affix = text.filter((any) => any !== '');
const number = fc.integer().map(String);
const uuid = fc.uuid();
const orNull = <T>(value: fc.Arbitrary<T>) => fc.option(value, { freq: 4 });

/** Texts that have the parts in them, at their ends and amid. */
const with_ = (...parts: readonly string[]) =>
  fc.array(fc.oneof(text, fc.constantFrom('', ...parts)), { maxLength: 4 }).map((all) => all.join(''));

const pairs = fc
  .tuple(fc.uniqueArray(text, { minLength: 1, maxLength: 5 }), fc.uniqueArray(text, { minLength: 5, maxLength: 5 }))
  .map(([keys, values]) => keys.map((key, i): [string, string] => [key, values[i]!]));

/** @param c the column's name in the old table. */
function treatments(c: string): fc.Arbitrary<Treated> {
  const n = `${c}_new`;
  const fixed = (treated: Treated) => fc.constant(treated);
  const ruled = (
    old: string,
    now: string,
    steps: readonly unknown[] | undefined,
    value: Treated['value'],
    comesBack = true,
  ) =>
    ({
      old,
      now: { [n]: now },
      isDropped: true,
      rules: { [n]: { from: c, ...(steps ? { steps } : {}), cast: now } },
      value,
      comesBack,
    }) as const;
  return fc.oneof(
    fixed({ old: 'text', now: { [c]: 'text' }, value: orNull(text), comesBack: true }),
    fixed({ old: 'varchar', now: { [n]: 'text' }, rename: n, value: orNull(text), comesBack: true }),
    fixed({ old: 'int4', now: { [c]: 'int8' }, value: orNull(number), comesBack: true }),
    fixed({ old: 'int4', now: { [c]: 'numeric(12,2)' }, value: orNull(number), comesBack: false }),
    fixed({ old: 'text', now: {}, isDropped: true, value: orNull(text), comesBack: false }),
    fixed({ old: 'int4!', now: {}, isDropped: true, value: number, comesBack: false }),
    fixed(ruled('uuid', 'text', undefined, orNull(uuid))),
    fixed(ruled('text', 'text', ['trim'], orNull(text), false)),
    fixed(
      ruled(
        'bool',
        'text',
        [{ map: { t: 'yes', f: 'no' } }, { default: 'who knows' }],
        orNull(fc.constantFrom('t', 'f')),
      ),
    ),
    fixed(
      ruled('enum(a,b,c)', 'text', [{ map: { a: 'x' }, else: 'y' }], orNull(fc.constantFrom('a', 'b', 'c')), false),
    ),
    fixed(ruled('enum(a,b,c)!', 'text', [{ map: { a: 'x', b: 'b' }, else: 'y' }], fc.constantFrom('a', 'b', 'c'))),
    fixed(ruled('int4', 'text', [{ default: 'none' }, { suffix: 'none' }], orNull(number))),
    fixed(ruled('int4', 'int4', [{ default: '0' }], orNull(number), false)),
    pairs.map((map) =>
      ruled('text', 'text', [{ map: Object.fromEntries(map) }], orNull(fc.constantFrom(...map.map(([key]) => key)))),
    ),
    pairs.map((map) =>
      ruled(
        'text',
        'text',
        [{ map: { ...Object.fromEntries(map), other: map[0]![1], another: map[0]![1] } }],
        fc.constant('other'),
        false,
      ),
    ),
    affix.chain((prefix) => fixed(ruled('text', 'text', [{ prefix }], orNull(with_(prefix))))),
    fc
      .tuple(affix, affix)
      .chain(([suffix, prefix]) =>
        fixed(
          ruled('text!', 'text', [{ suffix }, { default: 'x' }, { prefix }], with_(suffix, prefix, suffix + prefix)),
        ),
      ),
    affix.map((split) => ruled('text', 'text[]', [{ split }], orNull(with_(split)))),
    fixed({
      old: 'int4',
      now: { [n]: 'text' },
      isDropped: true,
      rules: { [n]: { template: `{{{${c}}}}` } },
      value: orNull(number),
      comesBack: true,
    }),
    fixed({
      old: 'text',
      now: { [n]: 'jsonb', [`${n}_copy`]: 'text' },
      isDropped: true,
      rules: { [n]: { object: { [`"${c}`]: c } }, [`${n}_copy`]: { constant: 'x' } },
      value: orNull(text),
      comesBack: true,
    }),
  );
}

interface Case {
  readonly columns: readonly Treated[];
  readonly row: readonly (string | null)[];
  readonly isFull: boolean;
}

const cases: fc.Arbitrary<Case> = fc.tuple(...[0, 1, 2, 3, 4].map((i) => treatments(`c${i}`))).chain((columns) =>
  fc.record({
    columns: fc.constant(columns),
    row: fc.tuple(...columns.map(({ value }) => value)),
    isFull: fc.boolean(),
  }),
);

/** Characters beyond ASCII as YAML reads them whatever they are. */
const yaml = (value: object) =>
  JSON.stringify(value).replace(/[^ -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);

function sidesOf({ columns, isFull }: Case) {
  const named = columns.map((column, i) => ({ ...column, name: `c${i}` }));
  const dropped = named.filter(({ isDropped }) => isDropped).map(({ name }) => name);
  const mapping = {
    from: 'public.t',
    rename: { id: 'key', ...Object.fromEntries(named.flatMap(({ name, rename }) => (rename ? [[name, rename]] : []))) },
    ...(dropped.length > 0 ? { drop: dropped } : {}),
    columns: { added: { constant: 'x' }, ...Object.assign({}, ...named.map(({ rules }) => rules)) },
  };
  const now = { added: 'text', later: 'text=', ...Object.assign({}, ...named.map((column) => column.now)) };
  const shape = (all: Readonly<Record<string, string>>) =>
    Object.entries(all)
      .map(([name, type]) => `${name} ${type}`)
      .join(', ');
  return mappedSides(
    { growth: `  t: ${yaml(mapping)}\n` },
    {
      'public.t': sideTable(`id* int4, ${shape(Object.fromEntries(named.map(({ name, old }) => [name, old])))}`),
      'growth.t': sideTable(`key* int4, ${shape(now)}`, isFull ? 'f' : 'd'),
    },
  )[0]!;
}

const KIT = { sha1: () => new Uint8Array(), functions: new Map() };

function mapperOf(mapping: TableMapping, { identity, columns }: SideTable): RowMapper {
  const of = columns.map(({ name, type, typmod, key }) => ({ name, type, typmod, key: key || identity === 'f' }));
  const relation: Relation = { id: 1, ...mapping.source, identity, columns: of };
  return new RowMapper(relation, mapping, KIT);
}

/** A tuple by its columns' names, in the order of others. */
function inOrder(values: RowLine['new'], from: readonly string[], to: readonly string[]) {
  return to.map((name) => (from.includes(name) ? values![from.indexOf(name)]! : null));
}
const namesOf = (table: { readonly columns: readonly { readonly name: string }[] }) =>
  table.columns.map(({ name }) => name);

test('what the mapping makes of a row, its inverse makes the row of; what it does not is named', () => {
  fc.assert(
    fc.property(cases, (one) => {
      const sides = sidesOf(one);
      const { tables, oneWay } = invertMappings([sides]);
      const forward = mapperOf(sides.mapping, sides.source);
      const back = mapperOf(tables[0]!, sides.target);
      const row = ['7', ...one.row];
      const now = inOrder(forward.whole(row), namesOf(forward), namesOf(sides.target));
      const again = back.whole(now as (string | null)[])!;

      const old = namesOf(sides.source);
      expect(again).toEqual(namesOf(back).map((name) => row[old.indexOf(name)]));
      expect(namesOf(back).toSorted()).toEqual(
        ['id', ...one.columns.flatMap(({ comesBack }, i) => (comesBack ? [`c${i}`] : []))].toSorted(),
      );

      const named = (level: string) => oneWay.filter((found) => found.level === level).map(({ column }) => column!);
      expect([...namesOf(back), ...named('kept'), ...named('new-rows')].toSorted()).toEqual(old.toSorted());
      const { rules, rename } = tables[0]!;
      const read = [...(rules!.pick ?? []), ...[...rules!.columns.values()].map(({ from }) => from!)];
      expect([...new Set([...read, ...named('column')])].toSorted()).toEqual(namesOf(sides.target).toSorted());
      expect(rename.get('key')).toBe('id');
    }),
    { numRuns: 200 },
  );
});

test('changes come back as changes of the same row', () => {
  fc.assert(
    fc.property(cases, fc.constantFrom('c', 'u', 'd'), (one, op) => {
      const sides = sidesOf(one);
      const forward = mapperOf(sides.mapping, sides.source);
      const back = mapperOf(invertMappings([sides]).tables[0]!, sides.target);
      const row = ['7', ...one.row];
      const key = ['6', ...one.row.map(() => null)];
      const line: RowLine = { rel: 1, ix: 0, op, ...(op === 'c' ? {} : { key }), ...(op === 'd' ? {} : { new: row }) };
      const made = forward.row(forward.select(line)!);
      const order = (tuple: RowLine['new']) => tuple && inOrder(tuple, namesOf(forward), namesOf(sides.target));
      const [madeKey, madeRow] = [order(made.key), order(made.new)];
      const change = { rel: 1, ix: 0, op, ...(madeKey ? { key: madeKey } : {}), ...(madeRow ? { new: madeRow } : {}) };
      const again = back.row(back.select(change)!);

      const old = namesOf(sides.source);
      expect(again.op).toBe(op);
      expect(again.key?.[namesOf(back).indexOf('id')]).toBe(op === 'c' ? undefined : '6');
      expect(again.new).toEqual(op === 'd' ? undefined : namesOf(back).map((name) => row[old.indexOf(name)]));
    }),
  );
});

test('the parts of a split row, joined by their key, are the row', () => {
  const columns = ['a', 'b', 'c', 'd'];
  const split = fc.record({
    picked: fc.array(fc.subarray(columns), { minLength: 1, maxLength: 3 }),
    row: fc.array(orNull(text), { minLength: 4, maxLength: 4 }),
  });
  fc.assert(
    fc.property(split, ({ picked, row }) => {
      const mapping = picked.map((of, i) => [`s${i}`, `  t: ${yaml({ from: 'public.t', pick: ['id', ...of] })}\n`]);
      const shape = (of: readonly string[]) => sideTable(`id* int4${of.map((name) => `, ${name} text`).join('')}`);
      const all = mappedSides(Object.fromEntries(mapping), {
        'public.t': shape(columns),
        ...Object.fromEntries(picked.map((of, i) => [`s${i}.t`, shape(of)])),
      });
      const { tables, parts } = invertMappings(all);
      expect([tables.length, parts.length]).toEqual([1, picked.length - 1]);
      const joined = [...tables, ...parts].flatMap((back) => {
        const sides = all.find(({ mapping }) => mapping.target.schema === back.source.schema)!;
        const now = mapperOf(sides.mapping, sides.source).whole(['7', ...row])!;
        const mapper = mapperOf(back, sides.target);
        const again = mapper.whole(now)!;
        return namesOf(mapper).flatMap((name, i): [string, string | null][] =>
          name === 'id' ? [] : [[name, again[i]!]],
        );
      });
      const moved = columns.filter((name) => picked.flat().includes(name));
      expect(joined.toSorted()).toEqual(moved.map((name) => [name, row[columns.indexOf(name)]]));
    }),
  );
});

test('a value that no rule of the way back has is refused', () => {
  const [sides] = mappedSides(
    { growth: '  t: {from: public.t, columns: {a: {from: a, steps: [{map: {x: y}}]}}}\n' },
    { 'public.t': sideTable('id* int4, a text'), 'growth.t': sideTable('id* int4, a text') },
  );
  const back = mapperOf(invertMappings([sides!]).tables[0]!, sides!.target);
  expect(() => back.whole(['1', 'secret'])).toThrow(
    'mapping/growth.yaml:3:33: growth.t -> public.t.a: the row (id = 1): `map` does not have its value',
  );
});
