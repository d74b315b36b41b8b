import { expect, test } from 'vitest';
import { invertMappings } from '../../../core/mapping/invert.js';
import { mappedSides, sideTable } from '../../../test/support/mapped-sides.js';
import { renderMappings } from './render-mappings.js';

test('a table that was split is joined, and says of each what it brings and what is one-way', () => {
  const sides = mappedSides(
    {
      auth: '  logins: {from: public.users, rename: {id: user_id}, pick: [id, mail]}\n',
      growth: '  profiles: {from: public.users, pick: [id, name]}\n',
      old: '  names: {from: public.users, pick: [id, name]}\n',
    },
    {
      'public.users': sideTable('id* int4, name text, mail text!'),
      'auth.logins': sideTable('user_id* int4, mail text!'),
      'growth.profiles': sideTable('id* int4, name text'),
      'old.names': sideTable('id* int4, name text'),
    },
  );
  const files = renderMappings(
    invertMappings(sides),
    sides.map(({ mapping }) => mapping),
  );
  expect(files).toEqual([{ path: 'mapping/public.yaml', text: expect.any(String) }]);
  expect(files[0]!.text).toBe(TEXT);
});

const TEXT = `# The old schema public: its tables, and the tables of the new project whose rows come back to them.

schema: public
tables:
  # It was split: each of these tables brings some of its rows, or some of their columns, and a TRUNCATE of one must not take the others.
  users:
    join:
      - from: auth.logins
        rename: {user_id: id}
        truncate: halt
      # A part: its columns are written into rows that are there, and it neither makes nor deletes any.
      # a row of growth.profiles is refused where public.users has none of its key: its columns come back into rows that auth.logins brings.
      # a row that goes from growth.profiles leaves name of its row in public.users as it is: its rows are parts of those of auth.logins.
      - from: growth.profiles
        part: true
        truncate: halt

# Nothing comes back:
#   old.names -> public.users: what it has of public.users comes back from auth.logins, growth.profiles.
`;
