import { expect, test } from 'vitest';
import { parseMap } from './parse-map.js';

test.each([
  ['public=growth', { schema: 'public' }, { schema: 'growth' }],
  ['public.users=shared.people', { schema: 'public', table: 'users' }, { schema: 'shared', table: 'people' }],
  ['public.users=shared', { schema: 'public', table: 'users' }, { schema: 'shared' }],
  ['"my.app"="a=b"', { schema: 'my.app' }, { schema: 'a=b' }],
  ['"my.app"."a""b"=x.y', { schema: 'my.app', table: 'a"b' }, { schema: 'x', table: 'y' }],
])('reads %s', (text, source, target) => {
  expect(parseMap(text)).toEqual({ text, source, target });
});

test.each(['public', '=growth', 'public=', 'public=growth.users', 'a.b.c=d', ''])('refuses %j', (text) => {
  expect(() => parseMap(text)).toThrow(
    expect.objectContaining({ code: 'usage', message: expect.stringContaining(text) }),
  );
});
