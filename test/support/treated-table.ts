import fc from 'fast-check';
import { mappedSides, sideTable } from './mapped-sides.js';
import { anyText } from './texts.js';

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
export const text = anyText.filter((any) => !any.includes('${') && any !== '__proto__');
const affix = text.filter((any) => any !== '');
const number = fc.integer().map(String);
const uuid = fc.uuid();
export const orNull = <T>(value: fc.Arbitrary<T>) => fc.option(value, { freq: 4 });

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

export interface Case {
  readonly columns: readonly Treated[];
  readonly row: readonly (string | null)[];
  readonly isFull: boolean;
}

/** A table of five columns that are treated at random, and a row of it. */
export const cases: fc.Arbitrary<Case> = fc.tuple(...[0, 1, 2, 3, 4].map((i) => treatments(`c${i}`))).chain((columns) =>
  fc.record({
    columns: fc.constant(columns),
    row: fc.tuple(...columns.map(({ value }) => value)),
    isFull: fc.boolean(),
  }),
);

/** Characters beyond ASCII as YAML reads them whatever they are. */
export const yaml = (value: object) =>
  JSON.stringify(value).replace(/[^ -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** Of one table that moves from public.t to growth.t. */
export function sidesOf({ columns, isFull }: Case) {
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
