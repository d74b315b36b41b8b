import { describe, expect, test } from 'vitest';
import { FerryError } from '../errors.js';
import { domainSchemas, targetColumn } from '../mapping.js';
import { parsePipeline } from './pipeline.js';

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

  test('a source table that is mapped twice, in two files', () => {
    expect(
      problem({ growth: MAPPING, shared: 'schema: shared\ntables:\n  articles: { from: public.posts }\n' }),
    ).toEqual({
      code: 'mapping-invalid',
      message: 'mapping/shared.yaml:3:3: the source table public.posts is mapped already at mapping/growth.yaml:3:3',
    });
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
