import { expect, test } from 'vitest';
import { parsePipeline } from '../../../core/config/pipeline.js';
import { reportOf } from './finding.js';
import { judgeReference, type Reference } from './key-references.js';

const NAMESPACE = '6ba7b810-9dad-11d1-80b4-00c04fd430c8';
const REFERENCE: Reference = {
  name: 'posts_owner_fkey',
  child: { schema: 'public', table: 'posts' },
  parent: { schema: 'public', table: 'users' },
  columns: ['tenant', 'owner'],
  refersTo: ['tenant', 'id'],
};

/** @param bound columns of shared.posts that a foreign key of the target is on. */
function judge(posts: string, users: string, bound: readonly string[] = []) {
  const pipeline = { path: 'pipeline.yaml', text: 'pipeline: p\nsource: {url: s}\ntarget: {url: t}\n' };
  const text = `schema: shared\ntables:\n  posts: ${posts}\n  users: ${users}\n`;
  const { tables } = parsePipeline({ pipeline, mappings: [{ path: 'mapping/shared.yaml', text }] }, {});
  const target = (table: string) => ({ schema: 'shared', table });
  const made = bound.map(
    (column): Reference => ({
      name: 'made_fkey',
      child: target('posts'),
      parent: target('users'),
      columns: [column],
      refersTo: ['id'],
    }),
  );
  return judgeReference(REFERENCE, { tables, made }, reportOf('key-references', 'source')).map(
    ({ level, message, remedy }) => `${level} ${message} ${remedy}`,
  );
}

const MADE = `{from: public.users, lineage: true, columns: {id: {uuid: [tenant, id], namespace: ${NAMESPACE}}}}`;

test.each([
  ['both move', '{from: public.posts}', '{from: public.users}'],
  ['both move under other names', '{from: public.posts, rename: {owner: a}}', '{from: public.users, rename: {id: b}}'],
  [
    'the key is made and looked up',
    '{from: public.posts, columns: {owner: {lookup: shared.users.id, of: [tenant, owner]}}}',
    MADE,
  ],
  [
    'the same rule is written',
    `{from: public.posts, columns: {o: {namespace: ${NAMESPACE}, uuid: [tenant, owner], cast: uuid}}}`,
    MADE,
  ],
  ['what refers does not move', '{from: public.posts, drop: [owner]}', MADE],
  [
    'what referred is part of another value',
    '{from: public.posts, drop: [owner], columns: {label: {template: "{owner}: {title}"}}}',
    MADE,
  ],
  [
    'what referred is told in another way',
    '{from: public.posts, drop: [owner], columns: {by_staff: {from: owner, steps: [{map: {1: true}, else: false}]}}}',
    MADE,
  ],
  [
    'what refers is looked up, and read by others',
    '{from: public.posts, columns: {owner: {lookup: shared.users.id, of: [tenant, owner]}, was: {from: owner}, label: {template: "{owner}: {title}"}}}',
    MADE,
  ],
  [
    'no key is left to refer to',
    '{from: public.posts}',
    '{from: public.users, lineage: true, drop: [id], columns: {label: {template: "{id}: {name}"}}}',
  ],
])('%s', (_, posts, users) => {
  expect(judge(posts, users)).toEqual([]);
});

test.each([
  ['{from: public.posts}', MADE],
  [`{from: public.posts, columns: {owner: {uuid: [owner, tenant], namespace: ${NAMESPACE}}}}`, MADE],
])('%s does not follow its key', (posts, users) => {
  expect(judge(posts, users)).toEqual([
    expect.stringMatching(
      /^error mapping\/shared.yaml:3:\d+: public.posts.owner refers to public.users.id \(posts_owner_fkey\), which becomes shared.users.id: shared.posts.owner is not made in the same way Write columns: \{owner: \{lookup: shared.users.id, of: \[tenant, owner\]\}\}\.$/,
    ),
  ]);
});

test('what a foreign key of the target is on refers, under whichever name', () => {
  const posts = '{from: public.posts, drop: [owner], columns: {by: {from: owner, steps: [{prefix: x}]}}}';
  expect(judge(posts, MADE)).toEqual([]);
  expect(judge(posts, MADE, ['tenant'])).toEqual([]);
  expect(judge(posts, MADE, ['by'])).toEqual([
    expect.stringMatching(
      /which becomes shared.users.id: shared.posts.by is not made in the same way Write columns: \{by: /,
    ),
  ]);
});

test('a key that moves is followed by what is made of the column that refers to it', () => {
  const posts = '{from: public.posts, columns: {owner: {from: owner, steps: [{prefix: x}]}}}';
  expect(judge(posts, '{from: public.users}')).toEqual([expect.stringContaining('becomes shared.users.id')]);
});

test('rows that may be behind others are referred to', () => {
  const merge = '{unique: [mail], merge: [{from: public.people}, {from: public.users}]}';
  expect(judge('{from: public.posts}', merge)).toEqual([
    expect.stringMatching(
      /^warn mapping\/shared.yaml:4:\d+: rows of public.users do not stand where others are before them/,
    ),
  ]);
  expect(
    judge(
      '{from: public.posts}',
      merge.replace('{from: public.people}, {from: public.users}', '{from: public.users}, {from: public.people}'),
    ),
  ).toEqual([]);
  expect(judge('{from: public.posts}', merge.replace('[mail]', '[id, tenant]'))).toEqual([]);
});
