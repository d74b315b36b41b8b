import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { MovingPair } from '../../support/moving-pair.js';
import { orSkip } from '../../support/or-skip.js';
import { describeWithPostgres, testServers } from '../../support/servers.js';
import { SMALL_DISK, type SmallDisk, smallDisk } from '../../support/small-disk.js';

const MIB = 1024 * 1024;

describeWithPostgres('the directory of the embedded log', () => {
  let pair: MovingPair | undefined;
  let disk: SmallDisk | undefined;

  afterEach(async () => {
    await pair?.close();
    await disk?.remove();
    pair = undefined;
    disk = undefined;
  });

  test('of another pipeline: refused by both names, by services and commands', async () => {
    pair = await MovingPair.configured({ servers: testServers() });
    const directory = pair.env.FERRY_LOG_DIR!;
    await mkdir(directory);
    await writeFile(join(directory, 'pipeline.json'), '{"ferry": 1, "pipeline": "another"}\n');
    for (const command of ['capture', 'apply', 'cutover']) {
      const { code, stderr } = await pair.run(command);
      expect(code).toBe(1);
      expect(stderr).toContain(
        `error: the log directory ${directory} belongs to the pipeline another, not ${pair.name}\n` +
          "  next: Use another log directory, or this pipeline's own.\n",
      );
    }
    expect((await pair.status()).errors).toContainEqual(expect.stringContaining('belongs to the pipeline another'));
  });

  test('that cannot be written: refused by name', async () => {
    pair = await MovingPair.configured({ servers: testServers() });
    const file = join(pair.directory, 'a-file');
    await writeFile(file, '');
    pair.env.FERRY_LOG_DIR = join(file, 'log');
    const { code, stderr } = await pair.run('cutover', '--dry-run');
    expect(code).toBe(2);
    expect(stderr).toContain(`error: cannot use the log directory ${file}/log: ENOTDIR`);
  });

  test('full from the start: said, and used once there is space', async ({ skip }) => {
    disk = await orSkip(skip, SMALL_DISK, () => smallDisk(4 * MIB));
    await disk.fill();
    pair = await MovingPair.configured({ servers: testServers(), logDirectory: join(disk.directory, 'log') });
    const up = pair.start('up');
    await up.said(/"code":"log-full"[^\n]*cannot [^\n]*; trying again/);
    await disk.empty();
    await pair.untilStreaming();
    await pair.expectEqual();
  });

  test('that becomes full: said, nothing is lost, and it goes on once there is space', async ({ skip }) => {
    disk = await orSkip(skip, SMALL_DISK, () => smallDisk(48 * MIB));
    pair = await MovingPair.configured({ servers: testServers(), logDirectory: join(disk.directory, 'log') });
    const up = await pair.up();
    await disk.fill();
    await pair.source.query(
      `INSERT INTO public.users (name)
       SELECT string_agg(md5(random()::text), '') FROM generate_series(1, 100) row, generate_series(1, 600) part GROUP BY row`,
    );
    await up.said(/"code":"log-full"[^\n]*the log directory [^\n]* cannot grow: [^\n]*; trying again/);
    const { state } = await pair.untilError('capture', 'log-full');
    expect(state).toBe('retrying');
    await disk.empty();
    await pair.untilStreaming();
    await pair.expectEqual();
  });
});
