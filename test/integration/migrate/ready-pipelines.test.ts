import { existsSync, readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { packageRoot } from '../../../platform/package-root.js';
import { readInventory } from '../../../services/migrate/adapters/read-inventory.js';
import { type MigrationFolder, migrationFolder } from '../../support/migration-folder.js';
import { orSkip } from '../../support/or-skip.js';
import { describeWithPostgres, testServers } from '../../support/servers.js';
import { needsVector, type VectorServers, vectorServers } from '../../support/vector-servers.js';

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
  let withVector: Promise<VectorServers> | undefined;
  const serversFor = (texts: readonly string[]) => {
    if (!texts.some(needsVector)) return testServers();
    withVector ??= vectorServers();
    return withVector;
  };

  afterAll(async () => {
    await (await withVector?.catch(() => undefined))?.stop();
  });

  test('are there', () => {
    expect(PIPELINES).toEqual(expect.arrayContaining(['growth-split', 'chief-of-staff', 'disruptor']));
  });

  test.for(PIPELINES)('%s: run a second time they change nothing', async (pipeline, { skip }) => {
    const names = readdirSync(migrationsOf(pipeline));
    const texts = await Promise.all(names.map((name) => readFile(join(migrationsOf(pipeline), name), 'utf8')));
    const files = Object.fromEntries(names.map((name, index) => [`migrations/${name}`, texts[index]!]));
    const { targetServer } = await orSkip(skip, 'PostgreSQL with pgvector', async () => serversFor(texts));
    await using at = await migrationFolder(targetServer, files);
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
