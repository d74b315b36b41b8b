import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { migrateTarget } from '../../cli/target-migrations.js';
import { displayName } from '../../core/relation.js';
import { type LoadedPipeline, loadPipeline } from '../../platform/load-pipeline.js';
import { packageRoot } from '../../platform/package-root.js';
import { connect } from '../../platform/postgres.js';
import type { Finding } from '../../services/control/preflight/finding.js';
import type { WayBackResult } from '../../services/control/way-back/write-way-back.js';
import { loadFixture } from '../../services/demo/fixture.js';
import { type CliError, runFerry, testEnvironment } from '../support/cli.js';
import { type FreshDatabase, freshDatabase } from '../support/postgres.js';
import { describeWithPostgres, testServers } from '../support/servers.js';

const FILES = ['pipeline.yaml', join('mapping', 'public.yaml')];

/** The growth split's directory, without its way back. */
function copyReady(to: string): Promise<void> {
  const config = join(packageRoot(), 'config', 'growth-split');
  return cp(config, to, { recursive: true, filter: (path) => path !== join(config, 'back') });
}

describeWithPostgres('the way back of the growth split', () => {
  let databases: { source: FreshDatabase; target: FreshDatabase };
  let directory: string;
  let env: NodeJS.ProcessEnv;
  let forward: LoadedPipeline;
  let first: WayBackResult;
  /** Of the ready pipeline as it is committed. */
  let ready: string;

  const wayBack = (...more: readonly string[]) => runFerry(['way-back', '-c', directory, '--json', ...more], env);
  const textsOf = (files: readonly string[]) =>
    Promise.all(files.map((file) => readFile(join(directory, 'back', file), 'utf8')));

  async function insteadOf(text: string, other: string): Promise<void> {
    const path = join(directory, 'mapping', 'growth.yaml');
    const before = await readFile(path, 'utf8');
    expect(before).toContain(text);
    await writeFile(path, before.replace(text, other));
  }

  beforeAll(async () => {
    const { sourceServer, targetServer } = testServers();
    databases = {
      source: await freshDatabase(sourceServer, 'back_source'),
      target: await freshDatabase(targetServer, 'back_target'),
    };
    env = testEnvironment({ SOURCE_URL: databases.source.url, TARGET_URL: databases.target.url });
    directory = await mkdtemp(join(tmpdir(), 'ferry-test-back-'));
    await copyReady(directory);
    ready = join(directory, 'ready');
    await copyReady(ready);
    await insteadOf('tags:\n    from: public.tags\n', 'tags:\n    from: public.tags\n    where: id is not null\n');
    forward = await loadPipeline(directory, env);
    await loadFixture(directory, databases.source.url, { rows: 1_000 });
    await migrateTarget(forward, 'before');
    const written = await runFerry(['way-back', '-c', ready, '--json'], env);
    expect(written.json(), written.stderr).toMatchObject({ ok: true, oneWay: [] });
    const target = await connect('target', databases.target.url, { applicationName: 'ferry-test' });
    await target.query('ALTER TABLE growth.jobs ADD COLUMN plan text');
    await target.end();
    const result = await wayBack();
    expect(result.code, result.stderr).toBe(0);
    first = result.json<WayBackResult>();
  });

  afterAll(async () => {
    await Promise.all([databases.source.drop(), databases.target.drop()]);
    await rm(directory, { recursive: true });
  });

  test('as it is committed is what the command writes today', async () => {
    const texts = (config: string) => Promise.all(FILES.map((file) => readFile(join(config, 'back', file), 'utf8')));
    const committed = join(packageRoot(), 'config', 'growth-split');
    expect(await texts(ready)).toEqual(await texts(committed));
    expect((await readdir(join(committed, 'back'), { recursive: true })).toSorted()).toEqual(
      ['mapping', ...FILES].toSorted(),
    );
  });

  test('is a pipeline of the same tables, the other way round', async () => {
    const back = await loadPipeline(join(directory, 'back'), env);
    expect(back).toMatchObject({
      name: 'growth-split-back',
      source: { url: databases.target.url },
      target: { url: databases.source.url },
      wayBackOf: { name: 'growth-split', directory },
      log: { partitions: 1, directory: `${forward.log.directory}-back` },
    });
    const pairs = ({ tables }: LoadedPipeline) =>
      tables.map(({ source, target }) => [displayName(source), displayName(target)]);
    expect(pairs(back).toSorted()).toEqual(
      pairs(forward)
        .map(([source, target]) => [target, source])
        .toSorted(),
    );
    expect(first).toMatchObject({
      ok: true,
      name: 'growth-split-back',
      files: ['pipeline.yaml', 'mapping/public.yaml'],
    });
    expect(first.tables).toHaveLength(14);
  });

  test('says what is one-way, in the files as well', async () => {
    const [pipeline, mapping] = await textsOf(first.files);
    expect(pipeline).toContain('\npipeline: ${FERRY_PIPELINE:-growth-split}-back\n');
    expect(pipeline).toContain('\n  directory: ${FERRY_LOG_DIR:-../../../.ferry/growth-split}-back\n');
    expect(pipeline).not.toContain('127.0.0.1:');
    expect(mapping).toContain('    from: growth.generation_jobs\n    rename: {microsite_slug: site_id}\n');
    expect(first.oneWay.map(({ level, target }) => `${level} ${target}`)).toEqual([
      'column growth.jobs',
      'rows growth.tags',
    ]);
    for (const { follows, why } of first.oneWay) expect(mapping).toContain(`  # ${follows}: ${why}.\n`);
    expect(mapping).toMatch(/ {2}tags:\n {4}from: growth\.tags\n {4}# The old table has .*\n {4}truncate: halt\n/);
  });

  test('passes ferry check', async () => {
    const checked = await runFerry(['check', '-c', join(directory, 'back'), '--json'], env);
    const { findings } = checked.json<{ findings: readonly Finding[] }>();
    expect(findings.filter(({ level }) => level !== 'ok')).toEqual([]);
    expect(checked.code, checked.stderr).toBe(0);
    expect(findings).toContainEqual(
      expect.objectContaining({ check: 'way-back', message: 'it is the way back of growth-split' }),
    );
  });

  test('never overwrites, and gives the same bytes where it may', async () => {
    const before = await textsOf(first.files);
    const refused = await wayBack();
    expect([refused.code, refused.json<CliError>().error.code]).toEqual([2, 'usage']);
    await writeFile(
      join(directory, 'back', 'mapping', 'stale.yaml'),
      'schema: stale\ntables: {t: {from: growth.jobs}}\n',
    );
    await writeFile(join(directory, 'back', 'mapping', 'public.yaml'), 'schema: public\ntables: {}\n');
    const again = await wayBack('--force');
    expect(again.json()).toEqual(first);
    expect(await textsOf(first.files)).toEqual(before);
    expect((await loadPipeline(join(directory, 'back'), env)).tables).toHaveLength(14);
    const own = await wayBack('--force', '--out', directory);
    expect(own.json<CliError>().error).toMatchObject({
      code: 'usage',
      message: expect.stringContaining('is no way back'),
    });
    expect((await loadPipeline(directory, env)).tables).toEqual(forward.tables);
  });

  test.each(['replay', 'table resnapshot growth.jobs', 'table add growth.jobs'])(
    'keeps the old project from ferry %s',
    async (command) => {
      const refused = await runFerry([...command.split(' '), '-c', join(directory, 'back'), '--json'], env);
      expect([refused.code, refused.json<CliError>().error]).toMatchObject([
        2,
        { code: 'usage', message: expect.stringContaining('growth-split-back is a way back') },
      ]);
    },
  );

  test('waits until the tables of both sides are there', async () => {
    const empty = await freshDatabase(testServers().targetServer, 'back_empty');
    try {
      const refused = await runFerry(['way-back', '-c', directory, '--out', join(directory, 'none'), '--json'], {
        ...env,
        TARGET_URL: empty.url,
      });
      expect([refused.code, refused.json<CliError>().error]).toMatchObject([
        3,
        {
          code: 'not-ready',
          message: expect.stringMatching(/^a side is missing of 14 tables: public.entities -> growth/),
        },
      ]);
    } finally {
      await empty.drop();
    }
  });
});
