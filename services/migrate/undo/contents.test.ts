import { expect, test } from 'vitest';
import { differences, refuseOtherContents } from './contents.js';

const entry = (name: string, type: string, schema = 'growth') =>
  `--\n-- Name: ${name}; Type: ${type}; Schema: ${schema}; Owner: me\n--\n\nSELECT 1;\n\n`;
const object = (kind: string, name: string, definition = '') => ({ kind, name, definition });

const DUMP = [
  entry('growth', 'SCHEMA', '-'),
  entry('users', 'TABLE'),
  entry('users users_pkey', 'CONSTRAINT'),
  entry('users a fk', 'FK CONSTRAINT'),
  entry('by email', 'INDEX'),
  entry('users all of it', 'POLICY'),
  entry('rank(integer)', 'FUNCTION'),
  entry('rank(text)', 'FUNCTION'),
  entry('TABLE users', 'ACL'),
].join('');
const OBJECTS = [
  object('schema', 'growth'),
  object('schema', 'public'),
  object('table', 'growth.users'),
  object('column', 'growth.users.id'),
  object('constraint', 'growth.users.users_pkey', 'PRIMARY KEY (id)'),
  object('constraint', 'growth.users."a fk"', 'FOREIGN KEY (a) REFERENCES b'),
  object('constraint', 'growth.users.users_check', 'CHECK (true)'),
  object('index', 'growth.users_pkey'),
  object('index', 'growth."by email"'),
  object('policy', 'growth.users."all of it"'),
  object('function', 'growth.rank(a integer)'),
  object('function', 'growth.rank(a text, OUT b text)'),
];

test('a dump and the catalog of the same schema agree', () => {
  expect(differences({ dump: DUMP, objects: OBJECTS })).toEqual([]);
});

test('what is missing and what is there still is named', () => {
  const objects = OBJECTS.filter(({ kind, name }) => kind !== 'policy' && name !== 'growth.rank(a integer)');
  const more = [...objects, object('trigger', 'growth.users.touched')];
  expect(differences({ dump: DUMP, objects: more })).toEqual([
    'missing POLICY growth.users all of it',
    'missing FUNCTION growth.rank',
    'surplus TRIGGER growth.users touched',
  ]);
});

test('what the two ways of looking never agree on is no difference', () => {
  const known = { dump: DUMP, objects: [...OBJECTS, object('extension', 'plpgsql')] };
  const check = (objects: typeof OBJECTS) => () => refuseOtherContents({ dump: DUMP, objects, name: 'v1' }, known);
  expect(check(known.objects)).not.toThrow();
  expect(check([...known.objects, object('table', 'growth.more')])).toThrow(
    'does not lead to v1: surplus TABLE growth.more',
  );
});
