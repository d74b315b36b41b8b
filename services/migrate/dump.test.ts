import { expect, test } from 'vitest';
import { libpqEnvironment } from '../../platform/libpq-environment.js';
import { tidyDump } from '../../platform/tidy-dump.js';
import { compareDumps, dumpEntries } from './dump.js';

const DUMP = `--
-- PostgreSQL database dump
--

\\restrict abc123

-- Dumped from database version 17.2
-- Dumped by pg_dump version 17.4

SET lock_timeout = 0;

--
-- Name: t; Type: TABLE; Schema: public; Owner: postgres
--

CREATE TABLE public.t (
    id integer NOT NULL,
    note text
);


--
-- Name: USER MAPPING bob SERVER far; Type: USER MAPPING; Schema: -; Owner: postgres
--

CREATE USER MAPPING FOR bob SERVER far OPTIONS (
    password 'it''s secret',
    "user" 'bob'
);


--
-- PostgreSQL database dump complete
--

\\unrestrict abc123
`;

test('a dump is kept without keys, versions of programs and passwords', () => {
  const kept = tidyDump(DUMP);
  expect(kept).not.toMatch(/restrict|Dumped|secret/);
  expect(kept).toContain(`password '***',\n    "user" 'bob'`);
  expect(tidyDump(kept)).toBe(kept);
});

test('a dump is its objects', () => {
  expect(dumpEntries(DUMP).map(({ type, schema, name, sql }) => [type, schema, name, sql.split('\n')[0]])).toEqual([
    ['TABLE', 'public', 't', 'CREATE TABLE public.t ('],
    ['USER MAPPING', '-', 'USER MAPPING bob SERVER far', 'CREATE USER MAPPING FOR bob SERVER far OPTIONS ('],
  ]);
});

test('two dumps differ by what was added, removed and changed', () => {
  const later = DUMP.replace('    note text', '    note text,\n    more jsonb').replace(
    'Name: USER MAPPING bob',
    'Name: USER MAPPING eve',
  );
  expect(compareDumps(DUMP, later)).toEqual([
    { change: 'changed', type: 'TABLE', name: 'public.t', lines: ['+ more jsonb'] },
    { change: 'removed', type: 'USER MAPPING', name: 'USER MAPPING bob SERVER far', lines: [] },
    { change: 'added', type: 'USER MAPPING', name: 'USER MAPPING eve SERVER far', lines: [] },
  ]);
  expect(compareDumps(DUMP, DUMP)).toEqual([]);
});

test.each([
  [
    'postgres://u:p%40ss@db.example:6543/my%20shop?sslmode=require',
    {
      PGHOST: 'db.example',
      PGPORT: '6543',
      PGUSER: 'u',
      PGPASSWORD: 'p@ss',
      PGDATABASE: 'my shop',
      PGSSLMODE: 'require',
    },
  ],
  ['postgres://u@[::1]/d', { PGHOST: '::1', PGUSER: 'u', PGDATABASE: 'd', PGPASSWORD: 'kept' }],
  [
    'postgres://u@/d?host=/run/postgresql',
    { PGHOST: '/run/postgresql', PGUSER: 'u', PGDATABASE: 'd', PGPASSWORD: 'kept' },
  ],
  ['postgres://h/d?sslrootcert=/ca.pem', { PGSSLMODE: 'verify-full', PGSSLROOTCERT: '/ca.pem' }],
  ['postgres://h/d?sslmode=verify-full', { PGSSLMODE: 'verify-full', PGSSLROOTCERT: 'system' }],
])('%s in variables', (url, variables) => {
  expect(libpqEnvironment(url, { PGPASSWORD: 'kept' }).variables).toMatchObject(variables);
});
