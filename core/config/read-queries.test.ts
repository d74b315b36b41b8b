import { expect, test } from 'vitest';
import { parseReadQueries } from './read-queries.js';

const read = (text: string) => parseReadQueries('reads.yaml', text, {});

test('queries come in the order of the file, each with its place; rows are a set unless the file says otherwise', () => {
  const queries = read(`queries:
  user by id:
    source: SELECT name FROM public.users WHERE id = $1
    target: SELECT name FROM shared.users WHERE id = $1
    parameters: SELECT id FROM public.users LIMIT 5
  newest:
    source: SELECT id FROM public.users ORDER BY id DESC LIMIT 3
    target: SELECT id FROM shared.users ORDER BY id DESC LIMIT 3
    ordered: true
`);
  expect(queries.map(({ name, ordered, place }) => [name, ordered, place.line])).toEqual([
    ['user by id', false, 2],
    ['newest', true, 6],
  ]);
  expect(queries[0]).toMatchObject({ parameters: 'SELECT id FROM public.users LIMIT 5' });
  expect(queries[1]!.parameters).toBeUndefined();
});

test.each([
  ['queries: {}', /has no query/],
  ['queries: { q: { source: SELECT 1 } }', /reads\.yaml:1:\d+: queries\.q.*target/s],
  ['queries: { q: { source: SELECT 1, target: " " } }', /queries\.q\.target/],
  ['queries: { q: { source: SELECT 1, target: SELECT 1, order: true } }', /order/],
])('%s is refused with its place', (text, message) => {
  expect(() => read(text)).toThrow(
    expect.objectContaining({ code: 'config-invalid', message: expect.stringMatching(message) }),
  );
});
