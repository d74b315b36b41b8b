import { expect, test } from 'vitest';
import { sqlComment } from './ddl-text.js';

test('a name with a line break stays inside the comment', () => {
  expect(sqlComment('the table a\nDROP TABLE b')).toBe('-- the table a DROP TABLE b');
});
