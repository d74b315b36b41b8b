import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { CutoverReport } from '../../services/control/cutover/report.js';
import type { InitResult } from '../../services/control/init/init-pipeline.js';
import type { Finding } from '../../services/control/preflight/finding.js';
import type { PipelineStatus } from '../../services/control/status/pipeline-status.js';
import type { VerifyReport } from '../../services/control/verify/report.js';
import type { CliError, FerryProcess } from '../support/cli.js';
import { eventually } from '../support/eventually.js';
import { MovingPair } from '../support/moving-pair.js';
import { listProcesses, processesWith } from '../support/processes.js';
import { describeWithPostgres, testServers } from '../support/servers.js';
import { Writes } from '../support/writes.js';

/** One pair all the way, by the command line alone, while an application writes: each test is the next step. */
describeWithPostgres("a person's own databases", () => {
  let pair: MovingPair;
  let writes: Writes;
  let up: FerryProcess;

  beforeAll(async () => {
    pair = await MovingPair.open({ servers: testServers() });
    writes = new Writes(pair.databases.source.url);
  });

  afterAll(async () => {
    await writes?.stop();
    await pair?.close();
  });

  const status = async () => (await pair.run('status', '--json')).json<PipelineStatus>();

  test('init writes the configuration and creates the target', async () => {
    const { SOURCE_URL, TARGET_URL } = pair.env;
    const maps = ['--map', 'public=growth', '--map', 'public.users=shared.users'];
    const to = ['--out', pair.config, '--name', pair.name, '--create-target', '--json'];
    const result = await pair.runPlain('init', '--source', SOURCE_URL!, '--target', TARGET_URL!, ...maps, ...to);
    expect(result.code, result.stderr).toBe(0);
    expect(result.json<InitResult>().tables).toEqual([
      { source: 'public.orders', target: 'growth.orders' },
      { source: 'public.settings', target: 'growth.settings' },
      { source: 'public.users', target: 'shared.users' },
    ]);
    for (const file of result.json<InitResult>().files) {
      expect(await readFile(join(pair.config, file), 'utf8')).not.toContain(pair.password);
    }
    const again = await pair.runPlain('init', '--source', SOURCE_URL!, ...maps, '--out', pair.config, '--json');
    expect(again.code).toBe(2);
    expect(again.json<CliError>().error.message).toContain('exists already, and is not overwritten');
  });

  test('check finds nothing in the way', async () => {
    const { code, json } = await pair.run('check', '--json');
    const { ok, findings } = json<{ ok: boolean; findings: Finding[] }>();
    expect(findings.filter((finding) => finding.level === 'error')).toEqual([]);
    expect({ ok, code }).toEqual({ ok: true, code: 0 });
  });

  test('before the start: status says not-started, verify and cutover are refused', async () => {
    expect(await status()).toMatchObject({ phase: 'not-started', lag: { bytes: null, seconds: null } });
    for (const command of ['verify', 'cutover']) {
      const { code, json } = await pair.run(command, '--json');
      expect(code, command).toBe(3);
      expect(json<CliError>().error.code, command).toBe('not-ready');
    }
  });

  test('up moves it, and status says so', async () => {
    up = pair.start('up');
    const streaming = await eventually(
      async () => {
        const now = await status();
        return now.phase === 'streaming' && now.services.every((one) => one.state === 'running') ? now : undefined;
      },
      { what: 'the phase streaming', timeoutMs: 60_000 },
    );
    expect(streaming).toMatchObject({ pipeline: pair.name, serving: 'source', errors: [] });
    expect(streaming.lag.bytes).toEqual(expect.any(Number));
    expect(streaming.lag.seconds).toBeLessThan(30);
    expect(streaming.tables.map(({ source, state, rows }) => `${source} ${state} ${rows > 0}`).sort()).toEqual([
      'public.orders streaming true',
      'public.settings streaming true',
      'public.users streaming true',
    ]);
    expect((await pair.run('status')).stdout).toContain('phase streaming  serving source');
  });

  test('every service answers over HTTP, and control measures lag', async () => {
    const { services } = await status();
    for (const { service, http } of services) {
      const [health, ready, metrics] = await Promise.all(
        ['healthz', 'readyz', 'metrics'].map((path) => fetch(`${http}/${path}`)),
      );
      expect([health!.status, ready!.status, metrics!.status], service).toEqual([200, 200, 200]);
      const text = await metrics!.text();
      expect(text).toMatch(new RegExp(`^ferry_running\\{service="${service}",pipeline="${pair.name}"\\} 1$`, 'm'));
      if (service !== 'control') expect(text).toMatch(/^ferry_changes_total\{[^}]*\} [1-9]/m);
      else expect(text).toMatch(/^ferry_lag_(bytes|seconds)\{stage="applied",[^}]*\} \d/m);
      expect((await fetch(`${http}/nowhere`)).status).toBe(404);
    }
  });

  test('no password in the arguments of any process', async () => {
    expect((await listProcesses()).filter(({ args }) => args.includes(pair.password))).toEqual([]);
  });

  test('verify finds both sides equal while writes go on', async () => {
    await writes.atLeast(50);
    const { code, json, stderr } = await pair.run('verify', '--json');
    expect(code, stderr).toBe(0);
    expect(json<VerifyReport>()).toMatchObject({ ok: true });
    expect(json<VerifyReport>().tables).toHaveLength(3);
  });

  test('verify names a row that was altered by hand', async () => {
    await pair.target.query(`UPDATE shared.users SET name = 'somebody else', email = 'e@example.org' WHERE id = 7;
      DELETE FROM growth.settings WHERE key = 'setting 9'`);
    const { code, json } = await pair.run('verify', '--json');
    expect(code).toBe(3);
    const differences = json<VerifyReport>().tables.flatMap((table) =>
      table.differences.map((difference) => ({ table: table.source, ...difference })),
    );
    expect(differences).toEqual([
      { table: 'public.settings', key: ['setting 9'], kind: 'missing' },
      { table: 'public.users', key: ['7'], kind: 'different', columns: ['name', 'email'] },
    ]);
    const shown = await pair.run('verify');
    expect(shown.stdout).toContain('public.users (7): differs in name, email');
    expect(shown.stdout).toContain('public.settings ("setting 9"): missing from the target');
    const { rows } = await pair.target.query(`SELECT DISTINCT ON (target_table) target_table, equal, differences
      FROM ferry.verification ORDER BY target_table, id DESC`);
    expect(rows).toEqual([
      { target_table: 'growth.orders', equal: 't', differences: '0' },
      { target_table: 'growth.settings', equal: 'f', differences: '1' },
      { target_table: 'shared.users', equal: 'f', differences: '1' },
    ]);
    const refused = await pair.run('cutover', '--accept-one-way', '--json');
    expect(refused.code).toBe(3);
    expect(refused.json<CliError>().error).toMatchObject({
      code: 'mismatch',
      message: expect.stringMatching(/differ in public\.(settings|users)/),
    });
  });

  test('replay repairs it, once it is confirmed', async () => {
    const asked = await pair.run('replay', '--json');
    expect(asked.code).toBe(2);
    const { code, json, stderr } = await pair.run('replay', '--yes', '--json');
    expect(code, stderr).toBe(0);
    expect(json()).toMatchObject({ ok: true });
  });

  test('up drains on SIGTERM and leaves no process; started again it goes on', async () => {
    up.signal('SIGTERM');
    const { code } = await up.ended;
    expect(code).toBe(0);
    expect(await processesWith(pair.config)).toEqual([]);
    const stopped = await status();
    expect(stopped.services.map(({ state }) => state)).toEqual(['stopped', 'stopped', 'stopped', 'stopped']);
    expect(stopped.nextSteps[0]).toContain(`ferry up -c ${pair.config}`);
    up = await pair.up();
  });

  test('up killed takes its services with it; started again it goes on', async () => {
    up.signal('SIGKILL');
    await up.ended;
    await eventually(async () => (await processesWith(pair.config)).length === 0, {
      what: 'the services to end',
      timeoutMs: 60_000,
    });
    up = await pair.up();
  });

  test('a cutover that is only tried changes nothing and predicts the pause', async () => {
    const { code, json, stderr } = await pair.run('cutover', '--accept-one-way', '--dry-run', '--json');
    expect(code, stderr).toBe(0);
    expect(json<CutoverReport>()).toMatchObject({ ok: true, dryRun: true, serving: 'source', writePauseMs: null });
    const { predictedPauseMs, steps, gates } = json<CutoverReport>();
    const predicted = steps.filter(({ state }) => state === 'predicted').map(({ step }) => step);
    expect(predicted.join(' ')).toBe(
      'constraints statistics arm fence marker drained ledger verified sequences turn admit flag',
    );
    const paused = steps.slice(steps.findIndex(({ step }) => step === 'fence'));
    expect(predictedPauseMs).toBeGreaterThan(0);
    expect(paused.reduce((sum, { ms }) => sum + ms!, 0)).toBeCloseTo(predictedPauseMs!, -1);
    expect(gates.filter(({ isOpen, forced }) => !isOpen && !forced)).toEqual([]);
    const { rows } = await pair.source.query("SELECT FROM pg_namespace WHERE nspname = 'ferry'");
    expect(rows).toEqual([]);
  });

  test('cutover moves the traffic and says how long writes paused', async () => {
    const { code, json, stderr } = await pair.run('cutover', '--accept-one-way', '--json');
    expect(code, stderr).toBe(0);
    const report = json<CutoverReport>();
    expect(report).toMatchObject({ ok: true, serving: 'target', writePauseMs: expect.any(Number) });
    expect(report.steps.map(({ step, state }) => `${step} ${state}`)).toEqual(
      'gates constraints verify statistics ready predict arm fence marker drained ledger verified sequences turn admit flag'
        .split(' ')
        .map((step) => `${step} done`),
    );
    for (const { ms } of report.steps) expect(ms).toEqual(expect.any(Number));
    expect(report.tables.every((table) => table.equal)).toBe(true);
  });

  test('the old tables refuse writes by name, and no accepted write is missing in the new ones', async () => {
    await writes.refused();
    for (const sql of [
      "INSERT INTO public.users (name) VALUES ('late')",
      "UPDATE public.orders SET note = 'late'",
      "DELETE FROM public.settings WHERE key = 'none'",
      'TRUNCATE public.settings',
    ]) {
      await expect(pair.source.query(sql), sql).rejects.toMatchObject({
        code: '40001',
        message: expect.stringMatching(new RegExp(`^schemaferry: writes to public\\.\\w+ are refused, .*${pair.name}`)),
      });
    }
    expect(await writes.missingIn(pair.target)).toEqual([]);
  });

  test('serial and identity columns go on in the target without collision', async () => {
    for (const table of ['shared.users (name)', 'growth.orders (note, user_id)']) {
      const name = table.split(' ')[0]!;
      const max = BigInt((await pair.target.query(`SELECT max(id) AS max FROM ${name}`)).rows[0].max);
      const values = table.includes('user_id') ? "('new', 1)" : "('new')";
      const { rows } = await pair.target.query(`INSERT INTO ${table} VALUES ${values} RETURNING id`);
      expect(BigInt(rows[0].id)).toBeGreaterThan(max);
    }
  });

  test('the target has the foreign key that was left out while it was copied', async () => {
    await expect(pair.target.query('INSERT INTO growth.orders (user_id) VALUES (-1)')).rejects.toMatchObject({
      code: '23503',
    });
  });

  test('status says cut-over, and neither cutover nor replay is done twice', async () => {
    expect(await status()).toMatchObject({ phase: 'cut-over', serving: 'target' });
    const again = await pair.run('cutover', '--accept-one-way', '--json');
    expect(again.code).toBe(3);
    expect(again.json<CliError>().error.message).toContain('is cut over already: the new project serves');
    const replay = await pair.run('replay', '--yes', '--json');
    expect(replay.code).toBe(3);
    expect(replay.json<CliError>().error.message).toContain('replay would empty it under its applications');
    expect((await up.stop()).code).toBe(0);
  });
});
