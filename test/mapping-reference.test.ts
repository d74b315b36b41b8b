import { expect, test } from 'vitest';
import { z } from 'zod';
import { mappingSchema } from '../core/config/schema.js';
import { mappingReference } from '../core/mapping/reference.js';

/** Both are written by `vitest -u`, and differ from what the code says in no commit. */

test('docs/mapping.md is what schema and examples say', async () => {
  await expect(mappingReference()).toMatchFileSnapshot('../docs/mapping.md');
});

test('docs/mapping.schema.json is the schema of a mapping file', async () => {
  const schema = z.toJSONSchema(mappingSchema, { io: 'input', unrepresentable: 'any' });
  await expect(`${JSON.stringify(schema, null, 2)}\n`).toMatchFileSnapshot('../docs/mapping.schema.json');
});
