import { describe, expect, test } from 'vitest';
import { FerryError } from '../errors.js';
import { domainSchemas, routeName, targetColumn } from '../mapping.js';
import { parsePipeline, schemaPolicy } from './pipeline.js';

const PIPELINE = 'pipeline: shop\nsource: { url: "${S}" }\ntarget: { url: postgres://t }\n';
const MAPPING = 'schema: growth\ntables:\n  posts:\n    from: public.posts\n    rename:\n      title: headline\n';

function parse(mappings: Record<string, string> = { growth: MAPPING }, pipeline = PIPELINE) {
  return parsePipeline(
    {
      pipeline: { path: 'pipeline.yaml', text: pipeline },
      mappings: Object.entries(mappings).map(([name, text]) => ({ path: `mapping/${name}.yaml`, text })),
    },
    { S: 'postgres://s' },
  );
}

function problem(mappings?: Record<string, string>, pipeline?: string): { code: string; message: string } {
  try {
    parse(mappings, pipeline);
  } catch (error) {
    expect(error).toBeInstanceOf(FerryError);
    return { code: (error as FerryError).code, message: (error as FerryError).message };
  }
  throw new Error('it was accepted');
}

describe('parsePipeline', () => {
  test('reads a pipeline and its mappings, with defaults for what is left out', () => {
    const pipeline = parse({ growth: MAPPING, shared: 'schema: shared\ntables:\n  users: { from: public.users }\n' });
    expect(pipeline).toMatchObject({
      name: 'shop',
      source: { url: 'postgres://s' },
      target: { url: 'postgres://t' },
      log: { brokers: [] },
      capture: { heartbeatIntervalMs: 1_000, snapshotChunkRows: 20_000, snapshotParallelTables: 2 },
      http: { host: '127.0.0.1' },
    });
    expect(pipeline.tables.map(({ source, target }) => [source, target])).toEqual([
      [
        { schema: 'public', table: 'posts' },
        { schema: 'growth', table: 'posts' },
      ],
      [
        { schema: 'public', table: 'users' },
        { schema: 'shared', table: 'users' },
      ],
    ]);
    expect(domainSchemas(pipeline.tables)).toEqual(['growth', 'shared']);
  });

  test('keeps renames, with the place of each for later errors', () => {
    const [posts] = parse().tables;
    expect(targetColumn(posts!, 'title')).toBe('headline');
    expect(targetColumn(posts!, 'body')).toBe('body');
    expect(posts!.place).toEqual({ file: 'mapping/growth.yaml', line: 3, column: 3 });
    expect(posts!.columnPlaces.get('title')).toEqual({ file: 'mapping/growth.yaml', line: 6, column: 7 });
  });

  test.each([
    ['a list', '[a:1, " b:2 "]', ['a:1', 'b:2']],
    ['a text with commas', '"a:1, b:2"', ['a:1', 'b:2']],
    ['an empty text', '""', []],
    ['a variable that is not set', '"${KAFKA_BROKERS:-}"', []],
  ])('takes brokers as %s', (_, brokers, expected) => {
    expect(parse(undefined, `${PIPELINE}log: { brokers: ${brokers} }\n`).log.brokers).toEqual(expected);
  });

  test('tells the tables that one source table goes to apart', () => {
    const { tables } = parse({ growth: MAPPING, shared: 'schema: shared\ntables:\n  posts: { from: public.posts }\n' });
    expect(tables.map(routeName)).toEqual(['public.posts -> growth.posts', 'public.posts -> shared.posts']);
    expect(parse().tables.map(routeName)).toEqual(['public.posts']);
  });

  const merged = (more = '', first = '') =>
    `schema: sec\ntables:\n  keys:\n    merge:\n    - {from: public.a${first}}\n    - {from: public.b, key: [id]}\n${more}`;

  test('reads tables that are merged: the first has precedence', () => {
    const { tables } = parse({
      sec: merged('    unique: [hash]\n'),
      growth: 'schema: growth\ntables: {a: {from: public.a}}\n',
    });
    const sources = ['public.a -> sec.keys', 'public.b'];
    expect(tables.filter(({ lineage }) => lineage)).toMatchObject([
      { source: { table: 'a' }, target: { table: 'keys' }, lineage: { sources, unique: ['hash'] }, place: { line: 5 } },
      { source: { table: 'b' }, lineage: { sources, unique: ['hash'], key: ['id'] } },
    ]);
    const single = parse({ sec: 'schema: sec\ntables: {t: {from: public.t, lineage: true}}\n' });
    expect(single.tables).toMatchObject([{ lineage: { sources: ['public.t'], unique: [] } }]);
  });

  test.each([
    ['    from: public.c\n', '4:5: tables.keys: needs one of `from`, `merge` and `join`'],
    ['    drop: [a]\n', '4:5: tables.keys: what is said of a source table stands in `merge` or `join`'],
    ['    rename: {a: b}\n', '4:5: tables.keys: what is said of a source table stands in `merge` or `join`'],
    ['    schemaChanges: propagate\n', '4:5: tables.keys: columns of a table with lineage are changed by hand'],
  ])('refuses a merge with %s', (more, message) => {
    expect(problem({ sec: merged(more) })).toEqual({
      code: 'config-invalid',
      message: expect.stringContaining(`mapping/sec.yaml:${message}`),
    });
  });

  test.each([
    ['{from: public.t, unique: [a]}', '`unique` stands beside `merge` only'],
    ['{from: public.t, key: [a]}', '`key` stands beside `lineage`'],
    ['{merge: [{from: public.t}]}', 'Too small'],
    ['{}', 'needs one of `from`, `merge` and `join`'],
  ])('refuses %s', (table, message) => {
    expect(problem({ sec: `schema: sec\ntables:\n  t: ${table}\n` }).message).toContain(message);
  });

  const BACK = PIPELINE.replace('shop', 'shop-back\nwayBackOf: ..');
  const joined = (more = '', part = ', part: true') =>
    `schema: public\ntables:\n  users:\n    join:\n    - {from: growth.profiles}\n    - {from: auth.logins${part}}\n${more}`;

  test('reads tables that are joined in a way back: none of them truncates the one that they are joined in', () => {
    const pipeline = parse({ public: joined(), ours: 'schema: ours\ntables: {a: {from: growth.profiles}}\n' }, BACK);
    expect(pipeline.tables.filter(({ join }) => join)).toMatchObject([
      { source: { table: 'profiles' }, target: { table: 'users' }, join: 'rows', truncate: 'halt', place: { line: 5 } },
      { source: { table: 'logins' }, target: { table: 'users' }, join: 'part', truncate: 'halt', place: { line: 6 } },
    ]);
    expect(pipeline.tables.map(routeName)).toEqual([
      'growth.profiles -> public.users',
      'auth.logins',
      'growth.profiles -> ours.a',
    ]);
    const rows = parse({ public: joined('', '') }, `${BACK}schemaChanges: propagate\n`);
    expect(rows.tables.map(({ join }) => join)).toEqual(['rows', 'rows']);
    const keeping = parse({ public: joined('', ', partitions: 1') }, BACK);
    expect(keeping.tables.map(({ partitions }) => partitions)).toEqual([undefined, 1]);
    expect(schemaPolicy(rows, 'auth.logins')).toBe('halt');
  });

  test('reads a join of two tables of one schema', () => {
    const text = 'schema: public\ntables: {users: {join: [{from: growth.a}, {from: growth.b}]}}\n';
    expect(parse({ public: text }, BACK).tables.map(routeName)).toEqual(['growth.a', 'growth.b']);
  });

  test('refuses a join where rows are copied', () => {
    expect(problem({ public: joined() })).toEqual({
      code: 'mapping-invalid',
      message:
        'mapping/public.yaml:5:7: `join` stands in a way back alone: a copy would bring parts of rows before the rows that they are of',
    });
  });

  test.each([
    ['    merge: [{from: a.a}, {from: b.b}]\n', 'needs one of `from`, `merge` and `join`'],
    ['    lineage: true\n', 'what is said of a source table stands in `merge` or `join`'],
    ['    key: [id]\n', 'what is said of a source table stands in `merge` or `join`'],
    ['    unique: [id]\n', '`unique` stands beside `merge` only'],
    ['    schemaChanges: propagate\n', 'columns of a table with `join` are changed by hand'],
    ['    - {from: a.b, key: [id]}\n', 'Unrecognized key'],
    ['    - {from: a.b, part: false}\n', 'tables.users.join.2.part'],
    ['    - {from: a.b, truncate: pass}\n', 'tables.users.join.2.truncate'],
    ['    - {from: a.b, pick: [a], drop: [b]}\n', '`pick` and `drop` do not stand together'],
  ])('refuses a join with %s', (more, message) => {
    expect(problem({ public: joined(more) }, BACK)).toEqual({
      code: 'config-invalid',
      message: expect.stringContaining(message),
    });
  });

  test('refuses a join of one table, of parts alone, and of a table that is mapped elsewhere as well', () => {
    const users = (table: string) => ({ public: `schema: public\ntables:\n  users: ${table}\n` });
    expect(problem(users('{join: [{from: a.b}]}'), BACK).message).toContain('Too small');
    expect(problem(users('{join: [{from: a.b, part: true}, {from: a.c, part: true}]}'), BACK).message).toContain(
      'one of the tables brings the rows that the parts are of',
    );
    expect(problem({ public: joined('    - {from: auth.logins}\n') }, BACK).message).toContain(
      'auth.logins goes to public.users already',
    );
    for (const other of ['{from: a.b}', '{join: [{from: a.b}, {from: a.c}]}', '{merge: [{from: a.b}, {from: a.c}]}']) {
      expect(problem({ ...users(other), other: joined() }, BACK).message).toContain(
        'public.users is mapped already at',
      );
    }
  });

  test('refuses a merged table that goes twice', () => {
    expect(problem({ sec: merged('    - {from: public.a}\n') }).message).toContain('public.a goes to sec.keys already');
    expect(problem({ sec: merged(), more: merged().replace('sec', 'sec') }).message).toContain(
      'sec.keys is mapped already at',
    );
  });

  const lookups = (rules: string, more = '') =>
    `schema: sec\ntables:\n  users: {from: public.users, lineage: true, columns: {id: {template: "{a}:{{{b}"}}}\n  t: {from: public.t, columns: {${rules}}}\n${more}`;
  test('takes the rule of what is looked up', () => {
    const { tables } = parse({
      sec: lookups('x: {lookup: sec.users.id, of: [c, d]}, y: {lookup: sec.users.name, of: [e]}'),
    });
    expect([...tables[1]!.rules!.columns.values()]).toEqual([{ template: '{c}:{{{d}' }, { from: 'e' }]);
  });

  test.each([
    ['x: {lookup: sec.users.id, of: [c]}', '4:33: sec.t.x: sec.users.id is made of 2 columns (a, b), and `of` names 1'],
    [
      'x: {lookup: sec.user.id, of: [c]}',
      '4:33: sec.t.x: no table of the mapping has sec.user.id; did you mean sec.users.id?',
    ],
    [
      'x: {lookup: sec.users.id, of: [c, d], in: public.u}',
      '4:33: sec.t.x: no table of the mapping has sec.users.id of public.u',
    ],
    [
      'x: {lookup: sec.t.y, of: [c]}, y: {lookup: sec.t.x, of: [c]}',
      '4:33: sec.t.x: its lookup comes back to itself: sec.t.x -> sec.t.y -> sec.t.x',
    ],
  ])('refuses %s', (rules, message) => {
    expect(problem({ sec: lookups(rules) })).toEqual({
      code: 'mapping-invalid',
      message: expect.stringContaining(message),
    });
  });

  test('refuses a lookup of tables that are merged by different rules, without which is meant', () => {
    const keys =
      '  keys: {merge: [{from: public.k}, {from: public.l, columns: {id: {from: id, steps: [{prefix: l}]}}}]}\n';
    expect(problem({ sec: lookups('x: {lookup: sec.keys.id, of: [c]}', keys) }).message).toContain(
      'say which with `in`',
    );
    const { tables } = parse({ sec: lookups('x: {lookup: sec.keys.id, of: [c], in: public.l}', keys) });
    expect(tables[1]!.rules!.columns.get('x')).toEqual({ from: 'c', steps: [{ prefix: 'l' }] });
  });

  test('reads quoted names with dots', () => {
    const [table] = parse({ growth: `schema: growth\ntables:\n  t:\n    from: '"my.schema"."my.table"'\n` }).tables;
    expect(table!.source).toEqual({ schema: 'my.schema', table: 'my.table' });
  });
});

describe('parsePipeline names file, line and column of', () => {
  test.each([
    [
      'a bad pipeline name',
      PIPELINE.replace('shop', 'My Shop'),
      'pipeline.yaml:1:11: pipeline: must be lower-case letters',
    ],
    ['an unknown key', `${PIPELINE}captur: {}\n`, 'pipeline.yaml:4:1: Unrecognized key: "captur"'],
    ['a missing URL', 'pipeline: shop\nsource: {}\ntarget: { url: t }\n', 'pipeline.yaml:2:9: source.url: '],
    [
      'a number below its bound',
      `${PIPELINE}apply: { batchMaxBytes: 0 }\n`,
      'pipeline.yaml:4:25: apply.batchMaxBytes: ',
    ],
    ['a number above its bound', `${PIPELINE}capture:\n  snapshotParallelTables: 17\n`, 'pipeline.yaml:5:27: capture.'],
    ['a number that is none', `${PIPELINE}http: { port: x }\n`, 'pipeline.yaml:4:15: http.port: '],
  ])('%s', (_, text, message) => {
    expect(problem(undefined, text)).toMatchObject({
      code: 'config-invalid',
      message: expect.stringContaining(message),
    });
  });

  test.each([
    ['    colums: {}', '4:5: tables.posts: Unrecognized key: "colums"; did you mean columns?'],
    ['    columns: {a: {frm: b}}', '4:19: tables.posts.columns.a: Unrecognized key: "frm"; did you mean from?'],
    ['    columns: {a: {}}', '4:18: tables.posts.columns.a: needs one of from, constant'],
    ['    columns: {a: {from: b, constant: 1}}', '4:18: tables.posts.columns.a: needs one of from, constant'],
    ['    columns: {a: {from: b, steps: [tirm]}}', '4:36: tables.posts.columns.a.steps.0: Invalid option'],
    [
      '    columns: {a: {from: b, steps: [trim, {nulif: 1}]}}',
      '4:43: tables.posts.columns.a.steps.1: Unrecognized key: "nulif"; did you mean nullif?',
    ],
    [
      '    columns: {a: {from: b, steps: [{trim: true, lower: true}]}}',
      '4:36: tables.posts.columns.a.steps.0: has one name a step',
    ],
    [
      '    columns: {a: {from: b, steps: [{default: 1, else: 2}]}}',
      '4:36: tables.posts.columns.a.steps.0: `else` stands',
    ],
    ['    columns: {a: {from: b, steps: [{json: a..b}]}}', '4:43: tables.posts.columns.a.steps.0.json: is no path'],
    ['    columns: {a: {template: "{b"}}', '4:29: tables.posts.columns.a.template: has a brace of its own'],
    ['    columns: {a: {uuid: [b]}}', '4:18: tables.posts.columns.a: `uuid` and `namespace` stand together'],
    ['    columns: {a: {uuid: [b], namespace: x}}', '4:41: tables.posts.columns.a.namespace: Invalid GUID'],
    ['    where: a = b', '4:12: tables.posts.where: at character 5: a value expected, not b'],
    ['    pick: [a]\n    drop: [b]', '4:5: tables.posts: `pick` and `drop` do not stand together'],
  ])('%s', (lines, message) => {
    const text = `schema: growth\ntables:\n  posts: \n${lines}\n    from: public.posts\n`;
    expect(problem({ growth: text })).toEqual({
      code: 'config-invalid',
      message: expect.stringContaining(`mapping/growth.yaml:${message}`),
    });
  });

  test.each([
    ['    drop: [a]\n    rename: {a: b}', '5:14: a is renamed and does not move'],
    ['    pick: [b]\n    rename: {a: b}', '5:14: a is renamed and does not move'],
    ['    rename: {a: c, b: c}', '4:20: a and b both become c'],
    ['    rename: {a: b}\n    columns: {b: {from: a}}', '4:14: a becomes b, which has a rule of its own'],
  ])('%s', (lines, message) => {
    expect(problem({ growth: `schema: growth\ntables:\n  posts: \n${lines}\n    from: public.posts\n` })).toEqual({
      code: 'mapping-invalid',
      message: `mapping/growth.yaml:${message}`,
    });
  });

  test('a variable that is not set', () => {
    expect(problem(undefined, PIPELINE.replace('${S}', '${NOPE}'))).toEqual({
      code: 'env-missing',
      message: 'pipeline.yaml:2:16: the environment variable NOPE is not set',
    });
  });

  test.each(['posts', 'a.b.c', '', 'public.', '"public.posts'])('a source that is not schema.table: %j', (from) => {
    expect(problem({ growth: `schema: growth\ntables:\n  posts:\n    from: '${from}'\n` })).toEqual({
      code: 'mapping-invalid',
      message: `mapping/growth.yaml:4:11: ${JSON.stringify(from)} is not schema.table`,
    });
  });

  test('a source table that goes to more tables of a schema than positions are for', () => {
    const parts = (count: number) => ({
      growth: `schema: growth\ntables:\n${Array.from({ length: count }, (_, i) => `  p${i}: {from: public.posts}\n`).join('')}`,
    });
    expect(problem(parts(65))).toEqual({
      code: 'mapping-invalid',
      message: 'mapping/growth.yaml:67:3: public.posts goes to more than 64 tables of the schema growth',
    });
    expect(parse(parts(64)).tables).toHaveLength(64);
  });

  test('a target table that is mapped twice, in two files of one schema', () => {
    expect(problem({ growth: MAPPING, more: 'schema: growth\ntables:\n  posts: { from: public.articles }\n' })).toEqual(
      {
        code: 'mapping-invalid',
        message: 'mapping/more.yaml:3:3: the target table growth.posts is mapped already at mapping/growth.yaml:3:3',
      },
    );
  });

  test('a rename that is no text, in the mapping', () => {
    expect(problem({ growth: MAPPING.replace('headline', '[a]') })).toEqual({
      code: 'config-invalid',
      message: 'mapping/growth.yaml:6:14: tables.posts.rename.title: Invalid input: expected string, received array',
    });
  });

  test('malformed YAML in a mapping', () => {
    expect(problem({ growth: 'schema: growth\ntables: {\n' })).toMatchObject({
      code: 'config-invalid',
      message: expect.stringMatching(/^mapping\/growth\.yaml:3:1: \S/),
    });
  });
});

describe('passwords', () => {
  test('in the file are refused, each with its place and none of it shown', () => {
    const text =
      'pipeline: shop\nsource: { url: "postgres://me:hunter2@h/d" }\ntarget:\n  url: "${T:-postgres://me:hunter3@h/d}"\n' +
      'log:\n  sasl: { mechanism: plain, username: me, password: hunter4 }\n';
    expect(problem(undefined, text)).toEqual({
      code: 'config-invalid',
      message: [
        'pipeline.yaml:2:16: source.url: a password stands in the file',
        'pipeline.yaml:4:8: target.url: a password stands in the file',
        'pipeline.yaml:6:53: log.sasl.password: a password stands in the file',
      ].join('\n'),
    });
  });

  test('from the environment are not', () => {
    const url = 'postgres://me:${S}@h/d';
    expect(parse(undefined, PIPELINE.replace('${S}', url)).source.url).toBe('postgres://me:postgres://s@h/d');
  });
});

describe('TLS and SASL of Kafka', () => {
  const log = (text: string) => parse(undefined, `${PIPELINE}log: ${text}\n`).log;
  const empty = '"${NONE:-}"';

  test('are absent by default, and where every variable is empty', () => {
    for (const text of ['{}', '{ tls: "", sasl: {} }']) {
      expect([log(text).tls, log(text).sasl]).toEqual([undefined, undefined]);
    }
    const tls = `{ ca: ${empty}, cert: ${empty}, key: ${empty} }`;
    const sasl = `{ mechanism: ${empty}, username: ${empty}, password: ${empty} }`;
    expect(log(`{ tls: ${tls}, sasl: ${sasl} }`)).toMatchObject({ tls: undefined, sasl: undefined });
  });

  test('TLS with the CA of a file or the CAs that Node brings along', () => {
    expect(log('{ tls: { ca: ca.pem, cert: me.pem, key: me.key, serverName: kafka } }').tls).toEqual({
      ca: 'ca.pem',
      cert: 'me.pem',
      key: 'me.key',
      serverName: 'kafka',
    });
    for (const text of ['true', '"true"', '{ ca: system }']) expect(log(`{ tls: ${text} }`).tls).toEqual({});
  });

  test('SASL in any spelling of the mechanism', () => {
    expect(log('{ sasl: { mechanism: SCRAM-SHA-512, username: me, password: "${S}" } }').sasl).toEqual({
      mechanism: 'scram-sha-512',
      username: 'me',
      password: 'postgres://s',
    });
  });

  test.each([
    ['{ tls: { cert: me.pem } }', 'pipeline.yaml:4:13: log.tls.key: cert and key go together'],
    ['{ tls: maybe }', 'pipeline.yaml:4:13: log.tls: '],
    ['{ sasl: { mechanism: gssapi, username: me, password: "${S}" } }', 'pipeline.yaml:4:27: log.sasl.mechanism: '],
    ['{ sasl: { username: me } }', 'log.sasl.password: mechanism, username and password go together'],
  ])('what cannot be used is refused: %s', (text, message) => {
    expect(problem(undefined, `${PIPELINE}log: ${text}\n`)).toMatchObject({
      code: 'config-invalid',
      message: expect.stringContaining(message),
    });
  });
});

test('a pipeline that maps no table is refused', () => {
  const refused = { code: 'mapping-invalid', message: 'pipeline.yaml: no mapping/*.yaml beside it maps a table' };
  expect(problem({})).toEqual(refused);
  expect(problem({ growth: 'schema: growth\ntables: {}\n' })).toEqual(refused);
});
