import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { mappingDigest } from '../../platform/mapping-digest.js';
import { mappedSides, sideTable } from '../../test/support/mapped-sides.js';
import { anyText } from '../../test/support/texts.js';
import { cases, sidesOf } from '../../test/support/treated-table.js';
import type { Step } from '../mapping/column-rule.js';
import type { Expression } from '../mapping/expression.js';
import { invertMappings } from '../mapping/invert.js';
import type { FilePlace, TableMapping } from '../mapping.js';
import { displayName } from '../relation.js';
import { parsePipeline } from './pipeline.js';
import { type MappingComments, writeMapping } from './write-mapping.js';

const NO_COMMENTS: MappingComments = { head: [], table: () => [], joined: [], truncate: [], tail: [] };

function read(text: string): readonly TableMapping[] {
  const pipeline = {
    path: 'pipeline.yaml',
    text: 'pipeline: p-back\nwayBackOf: ..\nsource: {url: s}\ntarget: {url: t}\n',
  };
  return parsePipeline({ pipeline, mappings: [{ path: 'mapping/a.yaml', text }] }, { HOME: 'elsewhere' }).tables;
}

/** Without where it was written; how the routes of a table are told apart is read out of all of them. */
function said({ place: _, columnPlaces: __, route: ___, rules, ...rest }: TableMapping) {
  return { ...rest, rules: rules && { ...rules, places: undefined, where: rules.where?.condition } };
}

function expectWritten(schema: string, tables: readonly TableMapping[], comments = NO_COMMENTS): void {
  expect(read(writeMapping(schema, tables, comments)).map(said)).toEqual(tables.map(said));
}

// zod takes no such key.
const text = anyText.filter((any) => any !== '__proto__');
/** The mark of an end of a value, and what YAML, the environment and our own syntax could read as something else. */
const value = fc.oneof(
  text,
  text.map((any) => `\0${any}`),
  fc.constantFrom(
    '1',
    '007',
    '1e3',
    '2026-01-31',
    'true',
    'no',
    '~',
    'null',
    '${HOME}',
    '$${x',
    '${A:-b}',
    '<<',
    '- a',
    '? b',
    'a: b',
    ' #c',
    '*d',
    '&e',
    '!f',
    '%g',
    '@h',
    '\0',
    'i\r',
    '\u0085',
    '\u2028j',
    '\ufeff',
    '{',
    '[',
    ',',
    '"',
    "'",
  ),
);
const name = value.filter((any) => any !== '');
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    fc.record({ nullif: value }),
    fc.record({ map: fc.dictionary(value, value) }),
    fc.record({ prefix: name }),
    fc.record({ suffix: name }),
    fc.record({ replace: fc.dictionary(name, value) }),
    fc.record({ join: name }),
    name.map((key): Step => ({ json: `"${key.replaceAll('"', '""')}"` })),
  ),
  { minLength: 1, maxLength: 3 },
);
const condition: fc.Arbitrary<Expression> = fc.record({
  kind: fc.constant('in' as const),
  column: name,
  values: fc.array(value, { minLength: 1, maxLength: 3 }),
});
const PLACE: FilePlace = { file: 'mapping/growth.yaml', line: 1, column: 1 };

const mapping = fc
  .record({
    source: fc.record({ schema: name, table: name }),
    table: name,
    columns: fc.uniqueArray(name, { minLength: 2, maxLength: 6 }),
    renamed: fc.uniqueArray(name, { maxLength: 2 }),
    made: fc.uniqueArray(fc.tuple(name, steps), { maxLength: 3, selector: ([of]) => of }),
    where: fc.option(condition, { nil: undefined }),
    isWhole: fc.boolean(),
    halts: fc.boolean(),
    isTogether: fc.boolean(),
  })
  .map(({ source, table, columns, renamed, made, where, isWhole, halts, isTogether }): TableMapping => {
    const rename = new Map(renamed.slice(0, columns.length).map((to, i) => [columns[i]!, to]));
    const rules = new Map(
      made.filter(([of]) => !renamed.includes(of)).map(([of, all]) => [of, { from: columns[0]!, steps: all }]),
    );
    return {
      source,
      target: { schema: 'public', table },
      rename,
      ...(isWhole
        ? {}
        : {
            rules: {
              pick: columns,
              drop: [],
              columns: rules,
              places: new Map(),
              ...(where ? { where: { condition: where, place: PLACE } } : {}),
            },
          }),
      ...(halts ? { truncate: 'halt' } : {}),
      ...(isTogether ? { partitions: 1 } : {}),
      place: PLACE,
      columnPlaces: new Map(),
    };
  });

const tablesOfAFile = fc.uniqueArray(mapping, { minLength: 1, maxLength: 3, selector: ({ target }) => target.table });

/** Joined tables go nowhere else. */
const isOnce = (tables: readonly TableMapping[]) =>
  new Set(tables.map(({ source }) => displayName(source))).size === tables.length;

describe('a mapping file that is written', () => {
  test('reads as the same mappings, whatever names and values are', () => {
    const comment = fc.array(value, { maxLength: 2 });
    fc.assert(
      fc.property(
        value,
        tablesOfAFile,
        comment,
        fc.constantFrom('rows', 'part', undefined),
        (schema, tables, lines, join) => {
          const all = tables
            .map((table) => ({ ...table, target: { ...table.target, schema: `s${schema}` } }))
            .map((table, i, [first]): TableMapping => {
              if (!join || i > 1 || tables.length < 2 || !isOnce(tables)) return table;
              return { ...table, target: first!.target, join: i === 0 ? 'rows' : join, truncate: 'halt' };
            });
          const comments = { head: lines, table: () => lines, joined: lines, truncate: lines, tail: lines };
          const byTable = ({ target: a }: TableMapping, { target: b }: TableMapping) =>
            a.table === b.table ? 0 : a.table < b.table ? -1 : 1;
          const found = read(writeMapping(`s${schema}`, all, comments)).toSorted(byTable);
          expect(found.map(said)).toEqual(all.toSorted(byTable).map(said));
        },
      ),
      { numRuns: 200 },
    );
  });

  test('reads as what an inverse is, whatever the mapping does', () => {
    fc.assert(
      fc.property(cases, (one) => {
        expectWritten('public', invertMappings([sidesOf(one)]).tables);
      }),
      { numRuns: 200 },
    );
  });

  test('of merged tables, each in its own schema', () => {
    const keys = sideTable('id* uuid, hash text');
    const of = (from: string) => `{from: ${from}, columns: {origin: {constant: ${from}}}}`;
    const { tables } = invertMappings(
      mappedSides(
        { growth: `  keys: {merge: [${of('public.keys')}, ${of('vendor.keys')}]}\n` },
        {
          'public.keys': keys,
          'vendor.keys': keys,
          'growth.keys': sideTable('id* uuid, hash text, origin text', 'f'),
        },
      ),
    );
    expect(tables).toHaveLength(2);
    for (const table of tables) expectWritten(table.target.schema, [table]);
  });

  test('is what a person would write', () => {
    const sides = mappedSides(
      {
        growth: `  posts:
    from: public.posts
    rename: {title: headline}
    where: kind <> 'draft'
    columns:
      role: {from: kind, steps: [{map: {a: admin, m: member}}]}
      file: {from: path, steps: [{prefix: growth/}]}
`,
      },
      {
        'public.posts': sideTable('id* int4, title text, kind enum(a,m)!, path text!, at date'),
        'growth.posts': sideTable('id* int4, headline text, role text, file text, at date, plan text'),
      },
    );
    const { tables } = invertMappings(sides);
    const comments = {
      head: ['The old schema public.'],
      table: () => ['growth.posts.plan stays out.'],
      joined: [],
      truncate: ['Rows outside of `where` would go.'],
      tail: [],
    };
    expect(writeMapping('public', tables, comments)).toBe(`# The old schema public.

schema: public
tables:
  # growth.posts.plan stays out.
  posts:
    from: growth.posts
    rename: {headline: title}
    pick: [id, headline, at]
    columns:
      kind: {from: role, steps: [{map: {admin: a, member: m}}]}
      path: {from: file, steps: [{prefix: "\\0"}, {replace: {"\\0growth/": "", "\\0": ""}}]}
    # Rows outside of \`where\` would go.
    truncate: halt
`);
    expectWritten('public', tables);
  });

  const split = () =>
    invertMappings(
      mappedSides(
        {
          auth: '  logins: {from: public.users, pick: [id, mail]}\n',
          growth: '  profiles: {from: public.users, pick: [id, name]}\n  posts: {from: public.posts}\n',
        },
        {
          'public.users': sideTable('id* int4, name text, mail text'),
          'public.posts': sideTable('id* int4'),
          'auth.logins': sideTable('id* int4, mail text'),
          'growth.profiles': sideTable('id* int4, name text'),
          'growth.posts': sideTable('id* int4'),
        },
      ),
    ).tables;

  test('of a table that was split: those of the new project are joined, each under its comment', () => {
    const comments = {
      head: [],
      table: ({ source }: TableMapping) => [`Of ${source.table}.`, 'And more.'],
      joined: ['Split.'],
      truncate: ['None goes.'],
      tail: [],
    };
    expect(writeMapping('public', split(), comments)).toBe(`schema: public
tables:
  # Split.
  users:
    join:
      # Of logins.
      # And more.
      - from: auth.logins
        truncate: halt
      # Of profiles.
      # And more.
      - from: growth.profiles
        part: true
        truncate: halt

  # Of posts.
  # And more.
  posts:
    from: growth.posts
`);
    // Entries stand beside each other in the file.
    const [posts, joined] = [split().filter(({ join }) => !join), split().filter(({ join }) => join)];
    expectWritten('public', [...joined, ...posts]);
    expect(mappingDigest({ tables: read(writeMapping('public', split(), comments)) })).toBe(
      mappingDigest({ tables: split() }),
    );
    const asRows = split().map((table) => (table.join ? { ...table, join: 'rows' as const } : table));
    expect(mappingDigest({ tables: asRows })).not.toBe(mappingDigest({ tables: split() }));
  });

  test('of joined tables that follow no change of columns', () => {
    const [rows, part] = split().filter(({ join }) => join);
    expectWritten('public', [
      { ...rows!, schemaChanges: 'ignore' },
      { ...part!, schemaChanges: 'ignore' },
    ]);
  });
});
