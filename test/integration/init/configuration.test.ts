import { readdir } from 'node:fs/promises';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { checkCommand } from '../../../cli/check.js';
import { initCommand } from '../../../cli/init.js';
import { loadPipeline } from '../../../platform/load-pipeline.js';
import { describeWithPostgres } from '../../support/servers.js';
import { CrowdedPair, MAPS } from './crowded-pair.js';

describeWithPostgres('what init writes', () => {
  let pair: CrowdedPair;

  beforeAll(async () => {
    pair = await CrowdedPair.open();
  });

  afterAll(async () => {
    await pair?.close();
  });

  beforeEach(() => pair.reset());

  test('the configuration that it writes loads, and holds every table and no URL', async () => {
    const result = await pair.initWithoutTarget();
    expect(result).toMatchObject({
      ok: true,
      directory: pair.directory,
      tables: [
        { source: 'auth.sessions', target: 'growth.sessions' },
        { source: 'auth.users', target: 'growth.accounts' },
        { source: 'public.Odd "Name', target: 'shared.odd' },
        { source: 'public.users', target: 'growth.users' },
      ],
      files: ['pipeline.yaml', 'mapping/growth.yaml', 'mapping/shared.yaml'],
    });
    expect(result.left.map(({ table }) => table)).toEqual([
      'beside.elsewhere',
      'public.cache',
      'public.keyless',
      'public.names',
    ]);
    const pipeline = await loadPipeline(pair.directory, pair.env);
    expect(pipeline.name).toBe('my-split');
    expect(pipeline.tables).toHaveLength(4);
    expect(await pair.text('pipeline.yaml')).toContain('#   beside.elsewhere: not mapped by any --map');
    expect(await pair.text('mapping/growth.yaml')).toContain('#   public.cache: unlogged');
    for (const file of result.files) expect(await pair.text(file)).not.toContain('127.0.0.1');
  });

  test.each([
    [{ maps: ['publc=growth'] }, 'did you mean public?'],
    [{ maps: ['public.user=growth'] }, 'did you mean public.users?'],
    [{ maps: ['public=growth', 'auth=growth'] }, 'would both become growth.users'],
    [{ maps: ['public.cache=growth'] }, 'no table that --map names can be moved'],
    [{ name: 'Not A Name' }, '--name Not A Name'],
  ])('%j is a usage error, and nothing is written', async (options, message) => {
    await expect(pair.init(options)).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringContaining(message),
    });
    expect(await readdir(pair.parent)).toEqual([]);
  });

  test('existing files are never overwritten', async () => {
    await pair.initWithoutTarget();
    const before = await pair.text('pipeline.yaml');
    await expect(pair.init({ name: 'another' })).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringContaining('pipeline.yaml exists already'),
    });
    expect(await pair.text('pipeline.yaml')).toBe(before);
    expect(await pair.column("SELECT to_regnamespace('growth') AS v")).toEqual([null]);
  });

  test('a table that the target has already is refused, and nothing is written', async () => {
    await pair.target.query('CREATE SCHEMA growth; CREATE TABLE growth.users (id int)');
    await expect(pair.init()).rejects.toMatchObject({
      code: 'target-unfit',
      message: 'the target already has growth.users',
    });
    expect(await readdir(pair.parent)).toEqual([]);
  });

  test('when a statement fails nothing is left behind on either side', async () => {
    await pair.target.query('CREATE SCHEMA growth; CREATE TYPE growth.public_status AS (wrong int)');
    await expect(pair.init()).rejects.toMatchObject({ message: expect.stringContaining('creating the target: ') });
    expect(
      await pair.column(
        "SELECT count(*) AS v FROM pg_class WHERE relnamespace = 'growth'::regnamespace AND relkind = 'r'",
      ),
    ).toEqual(['0']);
    expect(await readdir(pair.parent)).toEqual([]);
  });

  test('a type that it cannot create is named with its column', async () => {
    await pair.source.query(
      'CREATE SCHEMA ranges; CREATE TYPE ranges.span AS RANGE (subtype = int8); CREATE TABLE ranges.t (id int PRIMARY KEY, s ranges.span)',
    );
    try {
      await expect(pair.init({ maps: ['ranges=growth'] })).rejects.toMatchObject({
        code: 'target-unfit',
        message: 'ranges.t.s is of the type ranges.span, which --create-target cannot create',
      });
      await pair.target.query('CREATE SCHEMA ranges; CREATE TYPE ranges.span AS RANGE (subtype = int8)');
      await pair.init({ maps: ['ranges=growth'] });
    } finally {
      await pair.source.query('DROP SCHEMA ranges CASCADE');
    }
  });

  test('the commands print one JSON object as their last line', async () => {
    const printed: string[] = [];
    const write = vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => printed.push(String(chunk)) > 0);
    const exitCode = process.exitCode;
    const lastLine = () => JSON.parse(printed.join('').trimEnd().split('\n').at(-1)!) as Record<string, unknown>;
    try {
      vi.stubEnv('SOURCE_URL', pair.databases.source.url);
      vi.stubEnv('TARGET_URL', pair.databases.target.url);
      const maps = MAPS.flatMap((map) => ['--map', map]);
      await initCommand().parseAsync([...maps, '--out', pair.directory, '--create-target', '--json'], { from: 'user' });
      expect(lastLine()).toMatchObject({ ok: true, directory: pair.directory });
      await checkCommand().parseAsync(['-c', pair.directory, '--json'], { from: 'user' });
      expect(lastLine()).toMatchObject({ ok: true });
      expect(process.exitCode).toBe(exitCode);
      await pair.target.query('ALTER TABLE growth.users DROP COLUMN ticket');
      await checkCommand().parseAsync(['-c', pair.directory, '--json'], { from: 'user' });
      expect(lastLine()).toMatchObject({ ok: false });
      expect(process.exitCode).toBe(3);
      await checkCommand().parseAsync(['-c', pair.directory], { from: 'user' });
      expect(printed.join('')).toContain('not ready');
    } finally {
      process.exitCode = exitCode;
      write.mockRestore();
      vi.unstubAllEnvs();
    }
  });
});
