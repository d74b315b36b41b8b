import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connect } from '../../../platform/postgres.js';
import type { GateReport } from '../../../services/control/cutover/gates/gate.js';
import type { CutoverReport } from '../../../services/control/cutover/report.js';
import { finish } from '../../../services/control/finish/finish.js';
import type { PastAct } from '../../../services/control/history/acts.js';
import type { CliError, CliResult, FerryProcess } from '../../support/cli.js';
import { cutOver } from '../../support/cut-over.js';
import { eventually } from '../../support/eventually.js';
import { MovingPair } from '../../support/moving-pair.js';
import { describeWithPostgres, testServers } from '../../support/servers.js';

/** One pipeline for all: a cutover that fails must leave it as it was, for the next one and for the application. */
describeWithPostgres('a cutover that cannot go through', () => {
  let pair: MovingPair;
  let up: FerryProcess;
  let apply: FerryProcess;

  beforeAll(async () => {
    pair = await MovingPair.configured({ servers: testServers() });
    up = await pair.up();
  });

  afterAll(async () => {
    await pair?.close();
  });

  test('is not finished either', async () => {
    const [source, target] = await Promise.all(
      (['source', 'target'] as const).map((side) =>
        connect(side, pair.databases[side].url, { applicationName: 'ferry-test' }),
      ),
    );
    const finishing = finish({
      pipeline: pair.name,
      source: source!,
      target: target!,
      graceDays: 0,
      isGivenUp: false,
      onRemoved: () => {},
    }).finally(() => Promise.all([source!.end(), target!.end()]));
    await expect(finishing).rejects.toMatchObject({
      code: 'not-ready',
      message: `the old project serves: the pipeline ${pair.name} was not cut over`,
    });
  });

  const session = () => connect('source', pair.databases.source.url, { applicationName: 'writer' });

  /** Refused as not ready, with the old project serving and taking writes. */
  async function expectUndone(result: CliResult): Promise<string> {
    expect(result.code, result.stderr).toBe(3);
    const { error } = result.json<CliError>();
    expect(error.code).toBe('not-ready');
    await pair.change();
    expect((await pair.status()).serving).toBe('source');
    return error.message;
  }

  /** Starts a cutover that gets no further than the step `drained`: apply may not move its checkpoint. */
  async function stuck(...args: string[]): Promise<{ cutover: FerryProcess; letGo: () => Promise<void> }> {
    const target = await connect('target', pair.databases.target.url, { applicationName: 'lock' });
    const cutover = pair.startWith(
      { FERRY_FAILPOINTS: 'cutover.arm.begun=pause:2000@0' },
      'cutover',
      '--accept-one-way',
      '--json',
      ...args,
    );
    await cutover.said(/pause cutover.arm.begun/);
    await target.query('BEGIN');
    await target.query('SELECT FROM ferry.checkpoint FOR UPDATE');
    await cutover.said(/fence +done/);
    return { cutover, letGo: () => target.end() };
  }

  test('a pause that is too short is refused before anything is fenced', async () => {
    const result = await pair.run('cutover', '--accept-one-way', '--json', '--max-pause', '1ms');
    expect(await expectUndone(result)).toMatch(/^the write pause would be about \d+ ms, above 1 ms$/);
    expect(result.stderr).not.toMatch(/^(arm|fence)/m);
  });

  test('a pause that is used up is undone, one that was resumed too', async () => {
    const { cutover, letGo } = await stuck('--max-pause', '60s');
    await expect(pair.change()).rejects.toMatchObject({ code: '40001' });
    await pair.source.query('ROLLBACK');
    cutover.signal('SIGKILL');
    await cutover.ended;
    await expect(cutOver(pair, 'resume', { maxPauseMs: 2_000 })).rejects.toMatchObject({
      code: 'not-ready',
      message: 'the write pause was used up after 2000 ms; the old project serves',
    });
    await pair.change();
    expect(await pair.status()).toMatchObject({ serving: 'source', openCutover: null });
    await letGo();
    await pair.untilStreaming();
  });

  test('Ctrl-C under the fence undoes it', async () => {
    const { cutover, letGo } = await stuck('--max-pause', '60s');
    cutover.signal('SIGINT');
    const result = await cutover.ended;
    expect(result.stderr).toMatch(/undo +done/);
    expect(await expectUndone(result)).toBe('the cutover was interrupted; the old project serves');
    await letGo();
    await pair.untilStreaming();
  });

  test('a session on the target that is lost under the fence undoes it', async () => {
    const { cutover, letGo } = await stuck('--max-pause', '60s');
    await pair.target.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE datname = current_database() AND application_name = 'ferry cutover'`);
    const result = await cutover.ended;
    expect(result.code, result.stderr).toBe(1);
    expect(result.json<CliError>().error.code).toBe('cutover-failed');
    await pair.change();
    expect(await pair.status()).toMatchObject({ serving: 'source', openCutover: null });
    await letGo();
    await pair.untilStreaming();
  });

  test('a long transaction that holds a table keeps the fence from being armed', async () => {
    const writer = await session();
    try {
      await writer.query("BEGIN; UPDATE public.settings SET value = '{}' WHERE key = 'setting 2'");
      const result = await pair.run('cutover', '--accept-one-way', '--json', '--max-pause', '60s');
      expect(await expectUndone(result)).toBe('writers on the source do not let go of public.settings');
      await writer.query('COMMIT');
    } finally {
      await writer.end();
    }
    await pair.expectEqual();
  });

  test('a transaction that writes on behind the armed fence keeps it from being raised', async () => {
    const [holder, writer] = [await session(), await session()];
    try {
      // Keeps the last table from being armed, until a transaction has written to one that is.
      await holder.query('BEGIN; LOCK TABLE public.users IN ROW EXCLUSIVE MODE');
      const cutover = pair.start('cutover', '--accept-one-way', '--json', '--max-pause', '4s');
      const waiting = "SELECT FROM pg_locks WHERE relation = 'public.users'::regclass AND NOT granted";
      await eventually(async () => (await pair.source.query(waiting)).rows.length > 0, { what: 'the last table' });
      await writer.query("BEGIN; INSERT INTO public.orders (user_id, note) VALUES (1, 'slow writer')");
      await holder.query('COMMIT');
      const message = await expectUndone(await cutover.ended);
      expect(message).toBe('transactions that write on the source were not done within 2000 ms');
      await writer.query('COMMIT');
    } finally {
      await Promise.all([holder.end(), writer.end()]);
    }
    await pair.expectEqual();
  });

  test('an apply that is stopped closes the gates, by name', async () => {
    process.kill(await pair.pidOf('apply'), 'SIGTERM');
    await pair.until('apply to be stopped', ({ services }) => services.some(({ state }) => state === 'stopped'));
    const result = await pair.run('cutover', '--accept-one-way', '--json');
    expect(await expectUndone(result)).toMatch(/^not ready: .*apply is stopped/);
    apply = pair.start('apply');
    await pair.untilStreaming();
  });

  test('killed amid the migrations after the copy: resumed, it goes on with them, before its pause', async () => {
    const folder = join(pair.config, 'target', 'migrations');
    await mkdir(folder, { recursive: true });
    const wait = "SELECT pg_sleep(CASE WHEN to_regclass('growth.go_on') IS NULL THEN 600 ELSE 0 END)";
    const key =
      'ALTER TABLE growth.orders ADD CONSTRAINT buyer FOREIGN KEY (user_id) REFERENCES shared.users NOT VALID';
    await writeFile(join(folder, '001_index.sql'), '-- ferry: after-copy\nCREATE INDEX ON growth.orders (user_id);');
    await writeFile(join(folder, '002_key.sql'), `-- ferry: after-copy\n${key};\n${wait};`);
    await writeFile(join(folder, '003_more.sql'), 'CREATE TABLE growth.go_on ();');
    const status = async () => (await pair.runPlain('db', 'status', '-c', pair.config, '--json')).json();
    const cutover = pair.start('cutover', '--accept-one-way', '--json');
    await cutover.said(/001_index\.sql \d+ ms/);
    const asleep = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'";
    await eventually(async () => (await pair.target.query(asleep)).rows.length > 0, { what: 'the second migration' });
    cutover.signal('SIGKILL');
    await cutover.ended;

    // Meanwhile others may join: they do not wait for the cutover.
    const migrated = await pair.runPlain('db', 'migrate', '-c', pair.config, '--no-pg-dump', '--json');
    expect(migrated.json(), migrated.stderr).toMatchObject({ ok: true, applied: [{ version: '003' }] });
    expect(await status()).toMatchObject({ pending: [{ version: '002', afterCopy: true }], problems: [] });

    const forced = ['--force', 'constraints', '--reason', 'validated below'];
    const result = await pair.run('cutover', '--resume', '--json', '--max-pause', '1ms', ...forced);
    expect(await expectUndone(result)).toMatch(/^the write pause would be about/);
    expect(result.stderr).toMatch(/constraints +done \d+ ms +002_key\.sql\n/);
    expect(await status()).toMatchObject({ ok: true, pending: [] });
    await pair.untilStreaming();
    await pair.target.query('ALTER TABLE growth.orders VALIDATE CONSTRAINT buyer');
  });

  test('gates that are closed are all named with their figures, and only a reason passes them', async () => {
    const { target } = pair;
    await target.query(`ALTER TABLE growth.orders ENABLE ROW LEVEL SECURITY, ADD CONSTRAINT positive CHECK (total >= 0) NOT VALID;
      GRANT SELECT ON shared.users TO public`);
    const writer = await connect('target', pair.databases.target.url, { applicationName: 'application' });
    await writer.query('BEGIN; UPDATE shared.users SET name = name WHERE id = 1');
    const result = await pair.run('cutover', '--accept-one-way', '--json');
    expect(await expectUndone(result)).toMatch(/^not ready: positive of growth\.orders is not validated; row-level/);
    await writer.end();
    expect(result.stderr).toMatch(/constraints +. closed . positive of growth\.orders is not validated/);
    const closed = result.json<{ gates: GateReport[] }>().gates.filter(({ isOpen, forced }) => !isOpen && !forced);
    expect(closed.map(({ gate, figure }) => [gate, figure])).toEqual([
      ['constraints', 'positive of growth.orders is not validated'],
      [
        'parity',
        'row-level security of growth.orders is on, on the source it is off, only shared.users has the grant SELECT to public',
      ],
      ['target-writers', expect.stringMatching(/^session \d+ of \w+ \(application\) writes to shared\.users$/)],
    ]);

    const forced = { constraints: 'seen to by hand', parity: 'seen to by hand', 'way-back': 'none is wanted' };
    const stopped = cutOver(pair, 'begin', { forced, maxPauseMs: 1 });
    await expect(stopped).rejects.toMatchObject({ message: expect.stringMatching(/^the write pause would be about/) });
    const { rows } = await target.query(`SELECT r.settings->'forced'->>'parity' AS reason, g->>'forced' AS forced
      FROM ferry.cutover_run r JOIN ferry.cutover_step s USING (run), jsonb_array_elements(s.detail->'gates') g
     WHERE s.step = 'ready' AND s.state = 'done' AND g->>'gate' = 'parity' ORDER BY s.id DESC LIMIT 1`);
    expect(rows).toEqual([{ reason: 'seen to by hand', forced: 'seen to by hand' }]);
    await target.query(`ALTER TABLE growth.orders DISABLE ROW LEVEL SECURITY, DROP CONSTRAINT positive;
      REVOKE SELECT ON shared.users FROM public`);
  });

  test('a verification that is recent enough is taken, and one that is not of this mapping, or not equal, is not', async () => {
    const tried = () =>
      cutOver(pair, 'dry-run', { verifiedWithinMs: 3_600_000, forced: { 'way-back': 'none is wanted' } });
    const verified = ({ steps }: CutoverReport) => steps.find(({ step }) => step === 'verify')!.detail;
    await pair.expectEqual();
    expect(verified(await tried())).toMatch(/^3 tables equal, the oldest \d+ s ago$/);
    await pair.target.query("UPDATE ferry.verification SET mapping = 'another' WHERE target_table = 'growth.orders'");
    expect(verified(await tried())).toBe('3 tables equal');
    await pair.target.query("UPDATE ferry.verification SET equal = false WHERE target_table = 'shared.users'");
    expect(verified(await tried())).toBe('3 tables equal');
  });

  test('killed under the fence: writes are refused until somebody resumes it or undoes it, and nothing else is begun', async () => {
    const { cutover, letGo } = await stuck('--max-pause', '60s');
    const second = await pair.run('cutover', '--accept-one-way', '--json');
    expect(second.code, second.stderr).toBe(3);
    expect(second.json<CliError>().error.message).toMatch(
      /^another command has the pipeline \w+: ferry cutover, session \d+ of \w+.*, since 2/,
    );
    cutover.signal('SIGKILL');
    expect((await cutover.ended).code).toBeNull();
    await letGo();
    const refused = () => pair.source.query("INSERT INTO public.users (name) VALUES ('too late')");
    const refusal = {
      code: '40001',
      message: expect.stringContaining(`the pipeline ${pair.name} moves it to the new project`),
    };
    await expect(refused()).rejects.toMatchObject(refusal);
    const left = await pair.until('the coordinator to be gone', ({ openCutover }) => openCutover?.isRunning === false);
    expect(left).toMatchObject({
      serving: 'source',
      openCutover: { lastStep: 'drained' },
      nextSteps: [expect.stringContaining('ferry cutover --resume'), expect.stringContaining('ferry cutover --abort')],
    });
    for (const intent of ['begin', 'dry-run'] as const) {
      await expect(cutOver(pair, intent)).rejects.toMatchObject({
        code: 'not-ready',
        message: expect.stringMatching(/has not ended: begun by .*, its last step was drained$/),
        remedy: expect.stringContaining('--resume'),
      });
    }
    await expect(refused()).rejects.toMatchObject(refusal);

    const undone = await pair.run('cutover', '--accept-one-way', '--json', '--abort');
    expect(undone.json(), undone.stderr).toMatchObject({ ok: true, aborted: true, serving: 'source' });
    await pair.change();
    await expect(cutOver(pair, 'resume')).rejects.toMatchObject({ code: 'not-ready' });
  });

  test('undone, it is followed by one that goes through', async () => {
    const again = await pair.run('cutover', '--accept-one-way', '--json');
    expect(again.code, again.stderr).toBe(0);
    expect(again.json<CutoverReport>()).toMatchObject({ ok: true, serving: 'target' });
    await expect(pair.change()).rejects.toMatchObject({ code: '40001' });
    await pair.source.query('ROLLBACK');
    await expect(cutOver(pair, 'abort')).rejects.toMatchObject({ code: 'not-ready' });
    await expect(pair.change()).rejects.toMatchObject({ code: '40001' });
  });

  test('finish takes away what the source has of it, once the days of grace are over, and nothing else', async () => {
    const refused = async (what: string | RegExp, ...args: string[]) => {
      const { code, json } = await pair.run('finish', '--json', ...args);
      expect([code, json<CliError>().error]).toMatchObject([3, { message: expect.stringMatching(what) }]);
    };
    await refused(/still run$/, '--now', '--yes');
    await Promise.all([up.stop(), apply.stop()]);
    // Who was killed before counts as running for a while.
    await eventually(async () => (await pair.run('finish', '--now')).stderr.includes('next: Give --yes.'), {
      what: 'no service to run any more',
    });
    await refused(/^the days of grace last until .*: 7 since the cutover$/, '--yes');
    await pair.source.query('ROLLBACK');
    await pair.source.query('CREATE PUBLICATION another; CREATE TABLE ferry.another ()');
    await pair.target.query("UPDATE ferry.cutover_run SET finished_at = finished_at - interval '8 days'");
    // As a rollback leaves it that was begun and undone: the old project is kept for no longer.
    await pair.target.query('UPDATE ferry.cutover SET changed_at = clock_timestamp()');
    const finished = await pair.run('finish', '--yes', '--json');
    expect(finished.code, finished.stderr).toBe(0);
    const tables = ['public.orders', 'public.settings', 'public.users'];
    expect(finished.json()).toMatchObject({
      ok: true,
      removed: [
        { kind: 'slot', name: pair.slot },
        { kind: 'publication', name: pair.slot },
        ...tables.map((name) => ({ kind: 'fence trigger', name })),
        { kind: 'fence', name: `ferry.${pair.slot}_fence` },
      ],
    });
    await pair.change();
    const { rows } = await pair.source.query<{ left: string }>(
      `SELECT slot_name AS left FROM pg_replication_slots WHERE slot_name ~ $1
       UNION ALL SELECT pubname FROM pg_publication UNION ALL SELECT tgname FROM pg_trigger WHERE tgname ~ $1
       UNION ALL SELECT relname FROM pg_class WHERE relnamespace = 'ferry'::regnamespace`,
      [pair.name],
    );
    expect(rows.map(({ left }) => left)).toEqual(['another', 'another']);
    await pair.source.query('DROP TABLE ferry.another');
    const again = await pair.run('finish', '--yes', '--json');
    expect(again.json(), again.stderr).toMatchObject({ ok: true, removed: [{ kind: 'schema', name: 'ferry' }] });
    expect((await pair.status()).serving).toBe('target');
    const { acts } = (await pair.run('history', '--json')).json<{ acts: PastAct[] }>();
    expect(acts.slice(0, 4)).toMatchObject([
      { act: 'finish', detail: { removed: 1 }, by: expect.stringMatching(/ on ./) },
      { act: 'finish', detail: { removed: 6 } },
      { act: 'cutover', subject: 'done', detail: { pauseMs: expect.any(Number) } },
      { act: 'cutover', subject: 'aborted' },
    ]);
    const why = { failed: expect.stringMatching(/^not ready: positive of growth\.orders is not validated/) };
    expect(acts).toContainEqual(expect.objectContaining({ subject: 'aborted', detail: expect.objectContaining(why) }));
    const report = await pair.run('report', '--json');
    expect([report.code, report.json()], report.stderr).toMatchObject([
      0,
      { ok: true, cutover: { writePauseMs: expect.any(Number) }, tables: { length: 3 }, criteria: { length: 4 } },
    ]);
    expect((await pair.run('report')).stdout).toContain('| public.users -> shared.users |');
    const shown = await pair.run('history', '--limit', '3');
    expect(shown.stdout).toMatch(/finish.*removed 1\b/);
  });
});
