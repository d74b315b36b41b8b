import { existsSync, readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { packageRoot } from '../../../platform/package-root.js';
import { readInventory } from '../../../services/migrate/adapters/read-inventory.js';
import { type MigrationFolder, migrationFolder } from '../../support/migration-folder.js';
import { describeWithPostgres, testServers } from '../../support/servers.js';

const CONFIG = join(packageRoot(), 'config');
const migrationsOf = (pipeline: string) => join(CONFIG, pipeline, 'target', 'migrations');
const PIPELINES = readdirSync(CONFIG).filter((name) => existsSync(migrationsOf(name)));

/** Every object, and the rows of every table. */
async function stateOf({ database, values }: MigrationFolder): Promise<object> {
  const objects = await readInventory(database);
  const rows: Record<string, (string | null)[]> = {};
  for (const { kind, name } of objects) {
    if (kind === 'table') rows[name] = await values(`SELECT t::text FROM ${name} t ORDER BY 1`);
  }
  return { objects, rows };
}

describeWithPostgres('the migrations of a ready pipeline', () => {
  test('are there', () => {
    expect(PIPELINES).toContain('growth-split');
  });

  test.each(PIPELINES)('%s: run a second time they change nothing', async (pipeline) => {
    const names = readdirSync(migrationsOf(pipeline));
    const texts = await Promise.all(names.map((name) => readFile(join(migrationsOf(pipeline), name))));
    const files = Object.fromEntries(names.map((name, index) => [`migrations/${name}`, texts[index]!]));
    await using at = await migrationFolder(testServers().targetServer, files);
    const versions = async () =>
      (await at.migrate()).json<{ applied: { version: string }[] }>().applied.map(({ version }) => version);
    const first = await versions();
    expect(first).toHaveLength(names.length);
    const state = await stateOf(at);
    await at.database.query('TRUNCATE public.schema_migrations');
    expect(await versions()).toEqual(first);
    expect(await stateOf(at)).toEqual(state);
  });
});
