import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { packageRoot } from '../../platform/package-root.js';
import { APPLICATIONS, applicationOf } from './applications.js';

test('every ready pipeline with an old project has an application', () => {
  const config = join(packageRoot(), 'config');
  const ready = readdirSync(config).filter((name) => existsSync(join(config, name, 'source', 'schema.sql')));
  expect(Object.keys(APPLICATIONS).sort()).toEqual(ready.sort());
});

test('a pipeline that there is not is refused, with those that there are', () => {
  expect(() => applicationOf('toString')).toThrow(
    expect.objectContaining({ code: 'usage', remedy: `Ready are: ${Object.keys(APPLICATIONS).join(', ')}.` }),
  );
});
