import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { migrateTarget, readTargetMigrations } from '../../../cli/target-migrations.js';
import { type LoadedPipeline, loadPipeline } from '../../../platform/load-pipeline.js';
import { packageRoot } from '../../../platform/package-root.js';
import { type FreshDatabase, freshDatabase } from '../../support/postgres.js';
import { describeWithPostgres, testServers } from '../../support/servers.js';

describeWithPostgres("a pipeline's migrations of its target", () => {
  let directory: string;
  let database: FreshDatabase;
  let pipeline: LoadedPipeline;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'ferry-test-target-'));
    await cp(join(packageRoot(), 'config', 'growth-split'), directory, { recursive: true });
    database = await freshDatabase(testServers().targetServer, 'target_migrations');
    pipeline = await loadPipeline(directory, { SOURCE_URL: database.url, TARGET_URL: database.url });
  });
  afterAll(async () => {
    await database?.drop();
    await rm(directory, { recursive: true, force: true });
  });

  const files = async (stage: 'before' | 'after') => (await migrateTarget(pipeline, stage))?.map(({ file }) => file);
  const target = (name: string) => join(directory, 'target', name);

  test('are run in two stages, each once, by however many at a time', async () => {
    expect(await readTargetMigrations(pipeline)).toEqual({ before: 1, after: 3, problems: [] });
    const both = await Promise.all([files('before'), files('before')]);
    expect(both.flat()).toEqual(['001_schemas_and_tables.sql']);
    expect(await readTargetMigrations(pipeline)).toEqual({ before: 0, after: 3, problems: [] });
    expect(await files('after')).toEqual(['002_foreign_keys.sql', '003_validate_foreign_keys.sql', '004_indexes.sql']);
    expect([await files('before'), await files('after')]).toEqual([[], []]);
  });

  test('are looked at to their end: what was changed, what cannot be read, what nobody runs any more', async () => {
    await writeFile(target('migrations/005_more.sql'), 'CREATE TABL x;');
    await expect(readTargetMigrations(pipeline)).rejects.toThrow('005_more.sql:1: syntax error');
    await writeFile(target('migrations/004_indexes.sql'), '-- ferry: after-copy\nSELECT 1;');
    const { problems } = (await readTargetMigrations(pipeline))!;
    expect(problems).toMatchObject([{ message: expect.stringContaining('004_indexes.sql was changed') }]);
    await expect(files('before')).rejects.toMatchObject({ code: 'migrations-refused' });
    await writeFile(target('before-copy.sql'), 'SELECT 1;');
    await expect(files('before')).rejects.toMatchObject({ code: 'config-invalid' });
    await rm(target(''), { recursive: true });
    expect(await readTargetMigrations(pipeline)).toBeUndefined();
  });
});
