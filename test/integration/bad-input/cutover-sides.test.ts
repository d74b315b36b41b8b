import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { CutoverReport } from '../../../services/control/cutover/report.js';
import type { CliError, FerryProcess } from '../../support/cli.js';
import { MovingPair } from '../../support/moving-pair.js';
import { type OwnServer, ownServer } from '../../support/own-server.js';
import { describeWithPostgres, testServers } from '../../support/servers.js';

/** One pipeline for all, as it is after each: the last test cuts it over. */
describeWithPostgres('a cutover whose servers or sessions fail', () => {
  let targetServer: OwnServer;
  let pair: MovingPair;

  beforeAll(async () => {
    targetServer = await ownServer();
    const { sourceServer } = testServers();
    pair = await MovingPair.configured({ servers: { sourceServer, targetServer: targetServer.url } });
    await pair.up();
  });

  afterEach(() => targetServer.thaw());

  afterAll(async () => {
    await pair?.close();
    await targetServer?.stop();
  });

  /** Stands before a step, for long enough to do something to it. */
  async function standing(step: string, ...args: string[]): Promise<FerryProcess> {
    const plan = { FERRY_FAILPOINTS: `cutover.${step}.begun=pause:3000@0` };
    const cutover = pair.startWith(plan, 'cutover', '--accept-one-way', '--json', ...args);
    await cutover.said(new RegExp(`pause cutover.${step}.begun`));
    return cutover;
  }

  const loseSessions = () =>
    pair.target.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE datname = current_database() AND application_name = 'ferry cutover'`);

  test('a target that stands still in the pause: the pause ends as it should, and the old project takes writes', async () => {
    const cutover = await standing('marker', '--max-pause', '5s');
    await targetServer.freeze();
    const { code, json, stderr } = await cutover.ended;
    expect(code, stderr).toBe(3);
    expect(json<CliError>().error).toMatchObject({
      message: 'the write pause was used up after 5000 ms; the old project serves',
      remedy: expect.stringMatching(/The run stands open, .*: `ferry cutover --abort` closes it\.$/),
    });
    await pair.change();
    await targetServer.thaw();
    const aborted = await pair.run('cutover', '--abort', '--json');
    expect(aborted.json(), aborted.stderr).toMatchObject({ ok: true, aborted: true, serving: 'source' });
    await pair.untilStreaming();
    expect((await pair.status()).openCutover).toBeNull();
  });

  test('and Ctrl-C ends one before the pause that waits for such a target', async () => {
    const cutover = await standing('statistics');
    await targetServer.freeze();
    cutover.signal('SIGINT');
    const { code, json, stderr } = await cutover.ended;
    await targetServer.thaw();
    expect(code, stderr).toBe(3);
    expect(json<CliError>().error.message).toBe('the cutover was interrupted; the old project serves');
    await pair.run('cutover', '--abort');
    await pair.untilStreaming();
  });

  test('a dry run says that it was interrupted', async () => {
    const cutover = pair.start('cutover', '--accept-one-way', '--json', '--dry-run');
    await cutover.said(/gates +started/);
    cutover.signal('SIGINT');
    const { code, json } = await cutover.ended;
    expect([code, json<CliError>().error]).toMatchObject([
      3,
      { code: 'not-ready', message: 'the cutover was interrupted' },
    ]);
  });

  test('a source that lets nobody in leaves no run open', async () => {
    const role = `${pair.name}_source`;
    await pair.source.query(`ALTER ROLE ${role} NOLOGIN`);
    try {
      const { code, json, stderr } = await pair.run('cutover', '--accept-one-way', '--json');
      expect([code, json<CliError>().error.code], stderr).toEqual([1, 'auth-failed']);
    } finally {
      await pair.source.query(`ALTER ROLE ${role} LOGIN`);
    }
    expect((await pair.status()).openCutover).toBeNull();
  });

  test('sessions that are lost before the pause: a lost connection, and the run is closed', async () => {
    const cutover = await standing('verify');
    await loseSessions();
    const { code, json, stderr } = await cutover.ended;
    expect([code, json<CliError>().error.code], stderr).toEqual([1, 'connection-lost']);
    expect((await pair.status()).openCutover).toBeNull();
  });

  test('one that loses its sessions, and another that goes on with the run: what that did stands', async () => {
    const first = await standing('verify');
    first.signal('SIGSTOP');
    await loseSessions();
    const second = await pair.run('cutover', '--accept-one-way', '--json', '--resume');
    expect(second.json<CutoverReport>(), second.stderr).toMatchObject({ ok: true, serving: 'target' });
    first.signal('SIGCONT');
    const { code, json } = await first.ended;
    expect([code, json<CliError>().error.message]).toEqual([
      1,
      expect.stringMatching(/; another command went on with the run$/),
    ]);
    expect(await pair.status()).toMatchObject({ serving: 'target', openCutover: null });
    const { rows } = await pair.target.query('SELECT state FROM ferry.cutover_run ORDER BY started_at DESC LIMIT 1');
    expect(rows).toEqual([{ state: 'done' }]);
  });
});
