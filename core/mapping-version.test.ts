import { describe, expect, test } from 'vitest';
import { parsePipeline } from './config/pipeline.js';
import type { TableMapping } from './mapping.js';
import { changedTables, contentsOf, joined, nextVersion, type VersionRecord } from './mapping-version.js';

const PIPELINE = { path: 'pipeline.yaml', text: 'pipeline: p\nsource: {url: s}\ntarget: {url: t}' };

/** The tables of a mapping, by domain schema as its file has them. */
function tables(mapping: Readonly<Record<string, Readonly<Record<string, object>>>>): readonly TableMapping[] {
  const mappings = Object.entries(mapping).map(([schema, of]) => ({
    path: `mapping/${schema}.yaml`,
    text: JSON.stringify({ schema, tables: of }),
  }));
  return parsePipeline({ pipeline: PIPELINE, mappings }, {}).tables;
}

const USERS = {
  from: 'public.users',
  rename: { name: 'called' },
  columns: { kind: { from: 'k', steps: [{ map: { a: 'A' } }] } },
};
const POSTS = { from: 'public.posts', where: 'id <> 1', drop: ['draft'] };
const BEFORE = tables({ shared: { users: USERS }, growth: { posts: POSTS } });
// As it comes back from the log.
const RECORDED = JSON.parse(JSON.stringify(contentsOf(BEFORE)));
const changed = (mapping: Parameters<typeof tables>[0]) =>
  changedTables(RECORDED, tables(mapping)).map(({ source, target }) => `${source} -> ${target}`);

describe('a table has changed', () => {
  test.each<[string, Parameters<typeof tables>[0], string[]]>([
    [
      'by another name of a column',
      { shared: { users: { ...USERS, rename: { name: 'n' } } }, growth: { posts: POSTS } },
      ['public.users -> shared.users'],
    ],
    [
      'by other rows',
      { shared: { users: USERS }, growth: { posts: { ...POSTS, where: 'id <> 2' } } },
      ['public.posts -> growth.posts'],
    ],
    [
      'by a column that moves now',
      { shared: { users: USERS }, growth: { posts: { ...POSTS, drop: ['other'] } } },
      ['public.posts -> growth.posts'],
    ],
    [
      'by another value of a map',
      {
        shared: { users: { ...USERS, columns: { kind: { from: 'k', steps: [{ map: { a: 'B' } }] } } } },
        growth: { posts: POSTS },
      },
      ['public.users -> shared.users'],
    ],
    [
      'by a map that gets an else',
      {
        shared: { users: { ...USERS, columns: { kind: { from: 'k', steps: [{ map: { a: 'A' }, else: 'B' }] } } } },
        growth: { posts: POSTS },
      },
      ['public.users -> shared.users'],
    ],
    ['by another schema', { shared: { users: USERS, posts: POSTS } }, ['public.posts -> shared.posts']],
    ['by another name', { shared: { users: USERS }, growth: { articles: POSTS } }, ['public.posts -> growth.articles']],
    [
      'where it goes to one more',
      { shared: { users: USERS, posts: POSTS }, growth: { posts: POSTS } },
      ['public.posts -> growth.posts', 'public.posts -> shared.posts'],
    ],
    [
      'where another one takes its place',
      { shared: { users: { from: 'public.people' } }, growth: { posts: POSTS } },
      ['public.people -> shared.users'],
    ],
  ])('%s', (_, mapping, expected) => {
    expect(changed(mapping).sort()).toEqual(expected);
  });

  test('not by what is for apply alone, nor by the order in the file', () => {
    const users = {
      columns: USERS.columns,
      rename: USERS.rename,
      from: USERS.from,
      truncate: 'halt',
      schemaChanges: 'ignore',
    };
    expect(changed({ growth: { posts: POSTS }, shared: { users } })).toEqual([]);
  });

  test('by another rule of a column that is called map', () => {
    const map = (rule: object) => tables({ shared: { users: { from: 'public.users', columns: { map: rule } } } });
    const before = contentsOf(map({ from: 'm' }));
    expect(changedTables(before, map({ from: 'm', steps: ['lower'] }))).toHaveLength(1);
    expect(changedTables(before, map({ from: 'm' }))).toEqual([]);
  });

  test('not by more values of a map, which were refused before', () => {
    const users = { ...USERS, columns: { kind: { from: 'k', steps: [{ map: { b: 'B', a: 'A' } }] } } };
    expect(changed({ shared: { users }, growth: { posts: POSTS } })).toEqual([]);
  });

  test('not by others that join or leave, nor by the name that its source has now', () => {
    expect(changed({ shared: { users: USERS, jobs: { from: 'public.jobs' } } })).toEqual([]);
    expect(changed({ shared: { users: { ...USERS, from: 'public.people' } }, growth: { posts: POSTS } })).toEqual([]);
  });
});

test('what left is not forgotten', () => {
  const now = contentsOf(tables({ shared: { users: { ...USERS, drop: ['x'] } } }));
  expect(joined(RECORDED, now).map(({ target }) => target)).toEqual(['shared.users', 'growth.posts']);
  expect(joined(RECORDED, now)[0]).toEqual(now[0]);
});

describe('the next version is', () => {
  const record = (state: VersionRecord['state'], says = RECORDED): VersionRecord => ({ tables: says, state });
  const other = tables({ shared: { users: USERS } });
  test.each<[string, [number, VersionRecord][], number, readonly TableMapping[], number]>([
    ['a new one where nothing was recorded', [], 1, BEFORE, 2],
    ['a new one of a mapping that has changed', [[1, record('ready')]], 1, other, 2],
    ['the one that was raised by hand', [[1, record('ready')]], 2, other, 2],
    [
      'a new one where it was lowered by hand',
      [
        [2, record('gone')],
        [3, record('ready')],
      ],
      1,
      other,
      4,
    ],
    [
      'the one that is being made',
      [
        [1, record('ready')],
        [2, record('filling')],
      ],
      2,
      BEFORE,
      2,
    ],
    [
      'the one that is being made, while the file has that of before',
      [
        [1, record('ready', contentsOf(other))],
        [2, record('filling')],
      ],
      1,
      BEFORE,
      2,
    ],
    [
      'a new one where the one that is being made is of before what the file has',
      [
        [1, record('filling')],
        [2, record('ready', contentsOf(other))],
      ],
      2,
      BEFORE,
      3,
    ],
    [
      'a new one where the mapping was changed again',
      [
        [1, record('ready')],
        [2, record('filling')],
      ],
      2,
      other,
      3,
    ],
    ['the one that there is', [[1, record('ready')]], 1, BEFORE, 1],
  ])('%s', (_, versions, current, mapping, expected) => {
    expect(nextVersion(new Map(versions), current, mapping)).toBe(expected);
  });
});
