import { expect, test } from 'vitest';
import { when } from './when.js';

test('the quotes of a DO block are none that its statement holds', () => {
  const statement = "CREATE TYPE x AS ENUM ('$ferry$', '$ferry1$')";
  expect(when('true', statement)).toMatch(/^DO \$ferry2\$ .*\$ferry2\$$/s);
});
