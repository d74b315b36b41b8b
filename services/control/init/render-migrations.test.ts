import { expect, test } from 'vitest';
import { migrationSet } from '../../migrate/migration-set.js';
import { renderMigrations } from './render-migrations.js';

const NONE = { indexes: [], foreignKeys: [], validation: [] };
const render = (after: Partial<Record<keyof typeof NONE, string[]>>) =>
  renderMigrations({ before: ['CREATE SCHEMA growth'], after: { ...NONE, ...after }, left: [] });
const paths = (after: Parameters<typeof render>[0]) => render(after).map(({ path }) => path);

test('each step is a migration, numbered without a gap, and all but the first wait for the cutover', () => {
  const files = render({ indexes: ['CREATE INDEX i ON t (a)'], validation: ['ANALYZE t'] });
  expect(files.map(({ path }) => path)).toEqual([
    'target/migrations/001_before_copy.sql',
    'target/migrations/002_indexes.sql',
    'target/migrations/003_validate.sql',
  ]);
  const set = migrationSet(
    files.map(({ path, text }) => ({ file: path.split('/').at(-1)!, bytes: Buffer.from(text) })),
  );
  expect(set.problems).toEqual([]);
  expect(set.migrations.map(({ isAfterCopy }) => isAfterCopy)).toEqual([false, true, true]);
});

test('what is left out is said in a file that has statements', () => {
  const left = { indexes: ['-- the index i is not created'], foreignKeys: ['-- the key k is not created'] };
  expect(paths(left)).toEqual(['target/migrations/001_before_copy.sql']);
  expect(render(left)[0]!.text).toMatch(/CREATE SCHEMA growth;\n\n-- the index i .*\n\n-- the key k /);
  expect(paths({ ...left, validation: ['ANALYZE t'] })).toEqual([
    'target/migrations/001_before_copy.sql',
    'target/migrations/002_validate.sql',
  ]);
});
