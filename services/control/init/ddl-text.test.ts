import { expect, test } from 'vitest';
import { sqlComment, when } from './ddl-text.js';

test('a name with a line break stays inside the comment', () => {
  expect(sqlComment('the table a\nDROP TABLE b')).toBe('-- the table a DROP TABLE b');
});

test('the quotes of a DO block are none that its statement holds', () => {
  const statement = "CREATE TYPE x AS ENUM ('$ferry$', '$ferry1$')";
  expect(when('true', statement)).toMatch(/^DO \$ferry2\$ .*\$ferry2\$$/s);
});
