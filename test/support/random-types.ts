import fc from 'fast-check';
import { quoteIdentifier, quoteLiteral } from '../../platform/postgres.js';

/** A type as a tree: what a column's type is made of. */
export type TypeTree =
  | { readonly kind: 'base'; readonly sql: string; readonly value: fc.Arbitrary<string> }
  | { readonly kind: 'enum'; readonly labels: readonly string[] }
  | { readonly kind: 'array' | 'domain' | 'range' | 'multirange'; readonly of: TypeTree }
  | { readonly kind: 'composite'; readonly attributes: readonly TypeTree[] };

const text = fc.string({ unit: 'binary', maxLength: 12 }).map((any) => any.replaceAll('\0', ''));
const awkward = fc.constantFrom(
  '',
  ' ',
  'NULL',
  '{',
  '}',
  '(',
  ')',
  ',',
  '"',
  "'",
  '\\',
  '\\N',
  '\t',
  '\n',
  '\r',
  '\\.',
  '\uFEFF',
  'ß',
  '👩🏽‍🚀',
);
const anyText = fc.array(fc.oneof(text, awkward), { maxLength: 4 }).map((parts) => quoteLiteral(parts.join('')));
const literalsOf = (...literals: readonly string[]) => fc.constantFrom(...literals.map(quoteLiteral));
const integer = (bits: number) => {
  const half = 2n ** BigInt(bits - 1);
  return fc.bigInt({ min: -half, max: half - 1n }).map((n) => quoteLiteral(String(n)));
};
const digits = fc.string({ unit: fc.constantFrom(...'0123456789'), minLength: 1, maxLength: 60 });
const numeric = fc.oneof(
  fc
    .tuple(fc.constantFrom('', '-'), digits, digits, fc.integer({ min: -300, max: 300 }))
    .map(([sign, whole, fraction, exponent]) => `'${sign}${whole}.${fraction}e${exponent}'`),
  literalsOf('NaN', 'Infinity', '-Infinity', '0.000'),
);
const double = fc.oneof(
  fc.double().map((n) => `'${Object.is(n, -0) ? '-0' : n}'`),
  literalsOf('-0', 'NaN', '-Infinity', '5e-324'),
);
/** Microseconds around a moment: of the whole range, and of the years that people live in. */
const moment = (type: string) =>
  fc.oneof(
    fc
      .tuple(fc.integer({ min: -2_000_000, max: 90_000_000 }), fc.bigInt({ min: 0n, max: 86_399_999_999n }))
      .map(([days, micros]) => `('2000-01-01'::timestamp + '${days} days ${micros} us'::interval)::${type}`),
    literalsOf('infinity', '-infinity'),
  );
const interval = fc
  .tuple(...[20_000, 100_000, 2_000_000_000].map((max) => fc.integer({ min: -max, max })))
  .map(([months, days, micros]) => `'${months} mons ${days} days ${micros} us'`);
const bits = fc.string({ unit: fc.constantFrom('0', '1'), maxLength: 70 }).map((all) => `B'${all}'`);
const json = fc.json({ maxDepth: 2 }).filter((all) => !all.includes('\\u0000') && !/\\ud[89a-f]/i.test(all));
const bytes = fc.uint8Array({ maxLength: 40 }).map((all) => `'\\x${Buffer.from(all).toString('hex')}'`);
const inet = fc
  .tuple(
    fc.oneof(
      fc.ipV4(),
      fc.ipV6().filter((ip) => !ip.includes('.')),
    ),
    fc.integer({ min: 0, max: 32 }),
  )
  .map(([ip, mask]) => `'${ip}/${mask}'`);

const base = (sql: string, value: fc.Arbitrary<string>): TypeTree => ({ kind: 'base', sql, value });

/** Types that have an order, for ranges over them. */
const ORDERED: readonly TypeTree[] = [
  base('int4', integer(32)),
  base('int8', integer(64)),
  base('numeric', numeric),
  base('float8', double),
  base('timestamptz', moment('timestamptz')),
  base('timestamp', moment('timestamp')),
  base('date', moment('date')),
  base('text', anyText),
  base('interval', interval),
  base('uuid', fc.uuid().map(quoteLiteral)),
];

const BASES: readonly TypeTree[] = [
  ...ORDERED,
  base('int2', integer(16)),
  base(
    'oid',
    fc.nat().map((n) => `'${n}'`),
  ),
  base(
    'numeric(30,7)',
    fc.integer().map((n) => `${n}::numeric / 7`),
  ),
  base(
    'float4',
    fc.float().map((n) => `'${Object.is(n, -0) ? '-0' : n}'`),
  ),
  base(
    'time',
    fc.bigInt({ min: 0n, max: 86_400_000_000n }).map((n) => `('${n} us'::interval)::time`),
  ),
  base('timetz', literalsOf('24:00:00+14', '00:00:00.000001-15:59:59', '12:34:56.789+05:45')),
  base('timestamptz(2)', moment('timestamptz')),
  base('bool', literalsOf('t', 'f')),
  base(
    'varchar(60)',
    anyText.map((all) => `left(${all}, 60)`),
  ),
  base(
    'char(60)',
    anyText.map((all) => `left(${all}, 60)`),
  ),
  base('bpchar', anyText),
  base(
    'name',
    anyText.map((all) => `left(${all}, 10)`),
  ),
  base(
    '"char"',
    fc.integer({ min: 1, max: 126 }).map((n) => quoteLiteral(String.fromCharCode(n))),
  ),
  base('bytea', bytes),
  base('json', json.map(quoteLiteral)),
  base('jsonb', json.map(quoteLiteral)),
  base('inet', inet),
  base(
    'cidr',
    inet.map((all) => `network(${all}::inet)`),
  ),
  base(
    'macaddr',
    fc.integer({ min: 0, max: 0xffffff }).map((n) => `'08002b${n.toString(16).padStart(6, '0')}'`),
  ),
  base('varbit', bits),
  base(
    'bit(7)',
    fc.integer({ min: 0, max: 127 }).map((n) => `B'${n.toString(2).padStart(7, '0')}'`),
  ),
  base(
    'money',
    fc.integer().map((n) => `${n}::numeric / 100`),
  ),
  base(
    'pg_lsn',
    fc.nat().map((n) => `'${n.toString(16)}/${n.toString(16)}'`),
  ),
  base(
    'point',
    fc.tuple(fc.double(), fc.double()).map(([x, y]) => `'(${x},${y})'`),
  ),
  base(
    'tsvector',
    anyText.map((all) => `to_tsvector('simple', ${all})`),
  ),
  base(
    'tsquery',
    anyText.map((all) => `plainto_tsquery('simple', ${all})`),
  ),
  base(
    'xml',
    anyText.map((all) => `xmlforest(regexp_replace(${all}, '[^[:alnum:]<>&"'']', '', 'g') AS a)`),
  ),
];

/** No array of arrays: PostgreSQL has none. */
export const typeTree: fc.Arbitrary<TypeTree> = fc.letrec<{ tree: TypeTree; element: TypeTree; leaf: TypeTree }>(
  (tie) => ({
    leaf: fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom(...BASES) },
      {
        weight: 1,
        arbitrary: fc
          .uniqueArray(
            text.map((all) => `l${all}`),
            { minLength: 1, maxLength: 4 },
          )
          .map((labels): TypeTree => ({ kind: 'enum', labels })),
      },
      {
        weight: 1,
        arbitrary: fc
          .record({ kind: fc.constantFrom('range' as const, 'multirange' as const), of: fc.constantFrom(...ORDERED) })
          .map((range): TypeTree => range),
      },
    ),
    element: fc.oneof(
      { maxDepth: 3, withCrossShrink: true },
      tie('leaf'),
      tie('tree').map((of): TypeTree => ({ kind: 'domain', of })),
      fc
        .array(tie('tree'), { minLength: 1, maxLength: 3 })
        .map((attributes): TypeTree => ({ kind: 'composite', attributes })),
    ),
    tree: fc.oneof(
      { maxDepth: 3, withCrossShrink: true },
      tie('element'),
      tie('element').map((of): TypeTree => ({ kind: 'array', of })),
    ),
  }),
).tree;

/** A type that stands in a database, or will. */
export interface NamedType {
  readonly sql: string;
  /** An expression of that type, never NULL itself. */
  readonly value: fc.Arbitrary<string>;
}

/** Names the types that a tree needs, and adds the statements that create them. */
export function defineType(tree: TypeTree, ddl: string[]): NamedType {
  const create = (definition: (name: string) => string) => {
    const name = `public.${quoteIdentifier(`Type ${ddl.length}`)}`;
    ddl.push(definition(name));
    return name;
  };
  switch (tree.kind) {
    case 'base':
      return { sql: tree.sql, value: tree.value.map((value) => `(${value})::${tree.sql}`) };
    case 'enum':
      return enumType(tree.labels, create);
    case 'array':
      return arrayType(defineType(tree.of, ddl));
    case 'domain': {
      const of = defineType(tree.of, ddl);
      const sql = create((name) => `CREATE DOMAIN ${name} AS ${of.sql}`);
      return { sql, value: of.value.map((value) => `(${value})::${sql}`) };
    }
    case 'composite':
      return compositeType(
        tree.attributes.map((attribute) => defineType(attribute, ddl)),
        create,
      );
    case 'range':
    case 'multirange':
      return rangeType(tree.kind, defineType(tree.of, ddl), create);
    default:
      return tree satisfies never;
  }
}

type Create = (definition: (name: string) => string) => string;

function enumType(labels: readonly string[], create: Create): NamedType {
  const sql = create(
    (name) => `CREATE TYPE ${name} AS ENUM (${labels.map((label) => quoteLiteral(label)).join(', ')})`,
  );
  return { sql, value: fc.constantFrom(...labels).map((label) => `${quoteLiteral(label)}::${sql}`) };
}

const orNull = (value: fc.Arbitrary<string>) => fc.oneof({ weight: 4, arbitrary: value }, fc.constant('NULL'));

function arrayType({ sql: element, value }: NamedType): NamedType {
  const sql = `${element}[]`;
  const listOf = (lengths: fc.ArrayConstraints) =>
    fc.array(orNull(value), lengths).map((values) => `ARRAY[${values.join(', ')}]::${sql}`);
  const shifted = fc
    .tuple(listOf({ minLength: 2, maxLength: 2 }), fc.integer({ min: -9, max: 9 }))
    .map(([list, low]) => `('[${low}:${low + 1}]=' || ${list}::text)::${sql}`);
  const square = fc
    .tuple(listOf({ minLength: 2, maxLength: 2 }), listOf({ minLength: 2, maxLength: 2 }))
    .map(([one, other]) => `ARRAY[${one}, ${other}]::${sql}`);
  return { sql, value: fc.oneof(listOf({ maxLength: 3 }), shifted, square) };
}

function compositeType(attributes: readonly NamedType[], create: Create): NamedType {
  const sql = create(
    (name) => `CREATE TYPE ${name} AS (${attributes.map((type, i) => `"A ${i}" ${type.sql}`).join(', ')})`,
  );
  const values = attributes.map((attribute) => orNull(attribute.value));
  return { sql, value: fc.tuple(...values).map((row) => `ROW(${row.join(', ')})::${sql}`) };
}

const multirangeOf = (range: string) => range.replace('Type', 'Types');

function rangeType(kind: 'range' | 'multirange', of: NamedType, create: Create): NamedType {
  const range = create(
    (name) => `CREATE TYPE ${name} AS RANGE (subtype = ${of.sql}, multirange_type_name = ${multirangeOf(name)})`,
  );
  const multirange = multirangeOf(range);
  const bound = orNull(of.value);
  const value = fc.oneof(
    fc
      .tuple(bound, bound, fc.constantFrom('[]', '[)', '()', '(]'))
      .map(
        ([a, b, kinds]) =>
          `CASE WHEN ${a} > ${b} THEN ${range}(${b}, ${a}, '${kinds}') ELSE ${range}(${a}, ${b}, '${kinds}') END`,
      ),
    fc.constant(`'empty'::${range}`),
  );
  if (kind === 'range') return { sql: range, value };
  return { sql: multirange, value: fc.array(value, { maxLength: 3 }).map((all) => `${multirange}(${all.join(', ')})`) };
}
