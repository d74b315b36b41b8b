import { chown, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CAPTURE_STATE, type CaptureState } from '../../../core/stage-state.js';
import { openLog } from '../../../platform/event-log/open.js';
import { loadPipeline } from '../../../platform/load-pipeline.js';
import { silentLogger } from '../../../platform/logger.js';
import type { GateReport } from '../../../services/control/cutover/gates/gate.js';
import type { CliError, CliResult, FerryProcess } from '../../support/cli.js';
import { eventually } from '../../support/eventually.js';
import { MovingPair } from '../../support/moving-pair.js';
import { orSkip } from '../../support/or-skip.js';
import { type OwnServer, ownServer } from '../../support/own-server.js';
import { describeWithPostgres, testServers } from '../../support/servers.js';
import { SMALL_DISK, smallDisk } from '../../support/small-disk.js';

const MIB = 1024 * 1024;

/** One pipeline for all, as it is after each but the last, which loses its slot. */
describeWithPostgres('a cutover of a pipeline that is not fit for it', () => {
  let targetServer: OwnServer;
  let pair: MovingPair;
  let up: FerryProcess;

  beforeAll(async () => {
    targetServer = await ownServer();
    const { sourceServer } = testServers();
    pair = await MovingPair.configured({ servers: { sourceServer, targetServer: targetServer.url } });
    up = await pair.up();
  });

  afterAll(async () => {
    await pair?.close();
    await targetServer?.stop();
  });

  const cutover = () => pair.run('cutover', '--accept-one-way', '--json');

  /** @returns the gates that were closed; the old project serves, and takes writes. */
  async function expectClosed(result: CliResult): Promise<Record<string, string>> {
    expect(result.code, result.stderr).toBe(3);
    expect(await pair.status()).toMatchObject({ serving: 'source', openCutover: null });
    await pair.change();
    const { gates } = result.json<{ gates: GateReport[] }>();
    return Object.fromEntries(
      gates.filter(({ isOpen, forced }) => !isOpen && !forced).map(({ gate, figure }) => [gate, figure]),
    );
  }

  test('whose table is paused: by name, and how it goes on', async () => {
    expect((await pair.runPlain('table', 'pause', 'public.settings', '-c', pair.config)).code).toBe(0);
    const refused = await cutover();
    expect(await expectClosed(refused)).toMatchObject({ streaming: 'public.settings is paused' });
    expect(refused.json<CliError>().error.remedy).toContain('ferry table resume public.settings');
    expect((await pair.runPlain('table', 'resume', 'public.settings', '-c', pair.config)).code).toBe(0);
    await pair.untilStreaming();
  });

  test('that lags: by how much', async () => {
    await pair.target.query('BEGIN; SELECT FROM ferry.checkpoint FOR UPDATE');
    await pair.change();
    await pair.until('lag', ({ lag }) => lag.seconds !== null && lag.seconds > 6);
    expect((await expectClosed(await cutover())).lag).toMatch(/^lag is [\d.]+ s, above 5 s$/);
    await pair.target.query('ROLLBACK');
    await pair.untilStreaming();
  });

  test('whose source refuses the fence: by what is not allowed', async () => {
    const role = `${pair.name}_source`;
    await pair.source.query(
      `ALTER ROLE ${role} NOSUPERUSER REPLICATION; GRANT pg_read_all_data, pg_read_all_stats TO ${role}`,
    );
    try {
      const refused = await cutover();
      expect(refused.code, refused.stderr).toBe(1);
      expect(refused.json<CliError>().error).toMatchObject({
        code: 'privilege-missing',
        message: expect.stringMatching(/^the fence of the old project: permission denied/),
      });
      expect(await pair.status()).toMatchObject({ serving: 'source', openCutover: null });
      await pair.change();
    } finally {
      await pair.source.query(`ALTER ROLE ${role} SUPERUSER`);
    }
    await pair.untilStreaming();
  });

  test('whose table is copied, as capture says a moment later: waits for it', async () => {
    const capture = await pair.pidOf('capture');
    await using log = await openLog(await loadPipeline(pair.config, pair.env), 'ferry-test', silentLogger);
    process.kill(capture, 'SIGSTOP');
    try {
      const { tables, ...state } = (await log.control.get(CAPTURE_STATE)) as CaptureState;
      const copying = { ...tables, 'public.orders': { ...tables['public.orders']!, done: false } };
      await log.control.put(CAPTURE_STATE, { ...state, tables: copying });
      expect((await pair.status()).phase).toBe('snapshot');
      const moving = pair.start('cutover', '--accept-one-way', '--json', '--dry-run');
      await moving.said(/gates +started/);
      await sleep(1_000);
      process.kill(capture, 'SIGCONT');
      const { code, stderr } = await moving.ended;
      expect(code, stderr).toBe(0);
    } finally {
      process.kill(capture, 'SIGCONT');
    }
  });

  test("whose target's disk becomes full in mid-drain: undone, and it goes on once there is space", async ({
    skip,
  }) => {
    const disk = await orSkip(skip, SMALL_DISK, () => smallDisk(16 * MIB));
    try {
      const { uid, gid } = await stat(join(targetServer.directory, 'data'));
      await chown(disk.directory, uid, gid);
      await pair.target.query(`CREATE TABLESPACE small LOCATION '${disk.directory}'`);
      await pair.target.query('ALTER TABLE growth.orders SET TABLESPACE small');
      const plan = { FERRY_FAILPOINTS: 'cutover.arm.begun=pause:3000@0' };
      const moving = pair.startWith(plan, 'cutover', '--accept-one-way', '--json', '--max-pause', '8s');
      await moving.said(/pause cutover.arm.begun/);
      await disk.fill();
      await pair.source.query(
        'INSERT INTO public.orders (user_id, note) SELECT 1, repeat(md5(n::text), 30) FROM generate_series(1, 5000) n',
      );
      await moving.said(/drained +started/);
      const { error } = await pair.untilError('apply', 'disk-full');
      expect(error!.message).toContain('No space left on device');
      const { code, json, stderr } = await moving.ended;
      expect([code, json<CliError>().error.message], stderr).toEqual([
        3,
        'the write pause was used up after 8000 ms; the old project serves',
      ]);
      await pair.change();
      await disk.empty();
      await pair.untilStreaming();
      await pair.expectEqual();
      await pair.target.query('ALTER TABLE growth.orders SET TABLESPACE pg_default');
      await pair.target.query('DROP TABLESPACE small');
    } finally {
      await disk.remove();
    }
  });

  test('that has lost its slot: by its name, and what is to be done', async () => {
    await up.stop();
    const drop = () => pair.source.query('SELECT pg_drop_replication_slot($1)', [pair.slot]);
    // Whoever read it may be there for a moment.
    await eventually(
      () =>
        drop().then(
          () => true,
          () => false,
        ),
      { what: 'the slot to be dropped' },
    );
    up = pair.start('up');
    await pair.untilError('capture', 'slot-lost');
    const refused = await cutover();
    expect((await expectClosed(refused)).streaming).toMatch(new RegExp(`capture is halted: .*${pair.slot}`));
    expect(refused.json<CliError>().error.remedy).toContain('ferry resync');
  });
});
