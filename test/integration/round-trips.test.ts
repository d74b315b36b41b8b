import { afterAll, beforeAll, expect, test } from 'vitest';
import { ensureControlSchema } from '../../platform/control-schema.js';
import { openLog } from '../../platform/event-log/open.js';
import { loadPipeline, loadWayBack } from '../../platform/load-pipeline.js';
import { silentLogger } from '../../platform/logger.js';
import type { Direction, Serving } from '../../services/control/cutover/direction.js';
import type { GateReport, GatesClosed } from '../../services/control/cutover/gates/gate.js';
import { wayBackFinding } from '../../services/control/cutover/gates/way-back.js';
import type { CutoverReport } from '../../services/control/cutover/report.js';
import { refuseReturned } from '../../services/control/cutover/returned.js';
import { insertAct, type PastAct } from '../../services/control/history/acts.js';
import { cutOver } from '../support/cut-over.js';
import { FlagWrites, tryWrite } from '../support/flag-writes.js';
import { MovingPair } from '../support/moving-pair.js';
import { describeWithPostgres, testServers } from '../support/servers.js';
import { expectMoves, expectServes } from '../support/there-and-back.js';

/** An application writes all the while; the traffic moves to the new project and back, over and over. */
describeWithPostgres('there and back', () => {
  let pair: MovingPair;
  let writes: FlagWrites;

  beforeAll(async () => {
    pair = await MovingPair.configured({ servers: testServers() });
    await pair.up();
    const { source, target } = pair.databases;
    writes = new FlagWrites(pair.name, { source: source.url, target: target.url });
  });

  afterAll(async () => {
    await writes?.stop();
    await pair?.close();
  });

  test('without a way back a cutover is refused, and one that was not done nobody takes back', async () => {
    const refused = await pair.run('cutover', '--json');
    expect(refused.code).toBe(3);
    const { gates } = refused.json<{ gates: GateReport[] }>();
    expect(gates.filter(({ isOpen }) => !isOpen)).toMatchObject([{ gate: 'way-back', figure: 'there is no way back' }]);
    const rollback = await pair.run('rollback', '--json');
    expect(rollback).toMatchObject({ code: 3 });
    expect(rollback.stdout).toContain('the old project serves: there is nothing');
  });

  test('armed, it brings nothing of what the old project has itself', async () => {
    await pair.configureBack();
    await pair.upBack();
    const orders = async () => (await pair.source.query('SELECT count(*) FROM public.orders')).rows;
    await writes.held(async () => {
      const before = await orders();
      await pair.target.query("UPDATE growth.orders SET note = 'nobody should' WHERE id = 1");
      const marker = await pair.run(
        'cutover',
        '--dry-run',
        '--json',
        '--force',
        'verified',
        '--reason',
        'row 1 differs',
      );
      expect(marker.json<CutoverReport>().gates.find(({ gate }) => gate === 'way-back')).toMatchObject({
        isOpen: true,
        figure: expect.stringMatching(/^a canary came back in \d+ ms$/),
      });
      await pair.target.query('ALTER TABLE growth.settings REPLICA IDENTITY NOTHING');
      const refused = await cutOver(pair, 'dry-run').catch((error: GatesClosed) => error.gates);
      expect(refused).toContainEqual(
        expect.objectContaining({
          gate: 'way-back',
          isOpen: false,
          figure: expect.stringContaining('growth.settings'),
        }),
      );
      await pair.target.query('ALTER TABLE growth.settings REPLICA IDENTITY DEFAULT');
      expect(await orders()).toEqual(before);
      expect((await pair.source.query('SELECT note FROM public.orders WHERE id = 1')).rows).toEqual([
        { note: 'order 1' },
      ]);
      await pair.target.query("UPDATE growth.orders SET note = 'order 1' WHERE id = 1");
    });
  });

  test('is no way back where it leaves a table out, or runs by another mapping than its files have', async () => {
    const { source, target } = pair;
    const pipeline = await loadPipeline(pair.config, pair.env);
    const back = (await loadWayBack(pipeline, pair.env))!;
    await using log = await openLog(back, 'ferry-test', silentLogger);
    const found = (tables: typeof back.tables) =>
      wayBackFinding({ pipeline, back: { pipeline: { ...back, tables }, log }, source, target });
    const [orders, ...others] = back.tables;
    expect(await found(others)).toMatchObject({
      isOpen: false,
      isLasting: true,
      figure: 'the way back leaves out growth.orders -> public.orders',
      remedy: expect.stringContaining(`ferry way-back -c ${pair.config} --force`),
    });
    expect(await found([{ ...orders!, truncate: 'halt' }, ...others])).toMatchObject({
      isOpen: false,
      figure: expect.stringMatching(/^the way back: transform works with the mapping \w+, the files have \w+$/),
    });
    expect(await found(back.tables)).toMatchObject({ isOpen: true });
    const guest = `${pair.name}_guest`;
    await target.query(
      `CREATE ROLE ${guest}; GRANT pg_read_all_data, pg_write_all_data TO ${guest}; SET ROLE ${guest}`,
    );
    expect(await found(back.tables)).toMatchObject({
      isOpen: false,
      figure: expect.stringContaining('cutover cannot fence growth.orders: it belongs to another role'),
    });
    await target.query(`RESET ROLE; DROP ROLE ${guest}`);
  });

  test.each(Array.from({ length: 10 }, (_, i) => i + 1))('round trip %i', async () => {
    for (const [direction, serving] of [
      ['forward', 'target'],
      ['back', 'source'],
    ] as [Direction, Serving][]) {
      await expectMoves({ pair }, direction, serving);
      await expectServes({ pair, writes }, serving);
    }
  });

  test('a rebuild from topics that lack what came back is refused, and so is emptying the old project', async () => {
    const replay = await pair.run('replay', '--yes', '--json');
    expect(replay.code).toBe(3);
    expect(replay.stdout).toMatch(/rolled back at .* the topics do not have what the new project took before/);
    const pipeline = await loadPipeline(pair.config, pair.env);
    await expect(refuseReturned(pair.target, pipeline)).rejects.toThrow('was rolled back at');
    await pair.target.query('BEGIN');
    await insertAct(pair.target, pair.name, { act: 'resync' });
    await refuseReturned(pair.target, pipeline).finally(() => pair.target.query('ROLLBACK'));
    for (const args of [
      ['replay', '--yes'],
      ['table', 'resnapshot', 'growth.orders', '--yes'],
    ]) {
      const refused = await pair.runPlain(...args, '-c', pair.back, '--json');
      expect(refused.code).toBe(2);
      expect(refused.stdout).toContain('is a way back: they are the old project');
    }
  });

  test('finished, nothing of either direction is left, and there is no way back any more', async () => {
    await cutOver(pair, 'begin');
    await writes.stop();
    const dying = pair.startWith({ FERRY_FAILPOINTS: 'cutover.gates.begun=die:0@0' }, 'rollback');
    expect((await dying.ended).code).toBeNull();
    await pair.stopAll();
    const refused = async (code: number, message: string, ...args: string[]) => {
      const result = await pair.runPlain('finish', ...args, '--yes', '--json');
      expect([result.code, result.stdout]).toEqual([code, expect.stringContaining(message)]);
    };
    await refused(3, 'a rollback of the pipeline', '-c', pair.config, '--now');
    expect((await pair.run('rollback', '--abort')).code).toBe(0);
    await refused(3, 'the new project serves', '-c', pair.config, '--give-up');
    // There it would find nobody who serves, and take the flag away.
    for (const how of ['--give-up', '--now']) await refused(2, 'is a way back', '-c', pair.back, how);
    await pair.source.query(
      `INSERT INTO ferry.act (pipeline, act, detail, done_by) VALUES ($1, 'table pause', '{"why": "test"}', 'ann');`,
      [`${pair.name}-back`],
    );
    await pair.source.query(
      `INSERT INTO ferry.conflict (pipeline, table_name, key, op, why, lost_at, lost)
       SELECT $1, 'public.orders', ARRAY[n::text, 'a "b"'], 'upsert', 'later', now(), '{"n": 1.50}' FROM generate_series(1, 2500) n`,
      [`${pair.name}-back`],
    );
    const finished = await pair.run('finish', '--now', '--yes', '--json');
    expect(finished.json(), finished.stderr).toMatchObject({ ok: true });
    for (const side of ['source', 'target'] as const) {
      const { rows } = await pair[side].query(`SELECT slot_name FROM pg_replication_slots
        WHERE database = current_database() UNION SELECT pubname FROM pg_publication
        UNION SELECT tgname FROM pg_trigger WHERE tgname LIKE '%fence'`);
      expect(rows).toEqual([]);
    }
    expect((await pair.source.query("SELECT FROM pg_namespace WHERE nspname = 'ferry'")).rows).toEqual([]);
    // What stood in the old project is kept in the new one, however often, and what came there since.
    for (const [act, removed] of [
      ['table resume', [{ kind: 'schema', name: 'ferry' }]],
      [undefined, []],
    ] as const) {
      if (act) {
        await ensureControlSchema(pair.source);
        await insertAct(pair.source, `${pair.name}-back`, { act });
      }
      const again = await pair.run('finish', '--now', '--yes', '--json');
      expect(again.json(), again.stderr).toMatchObject({ ok: true, removed });
    }
    const { rows: kept } = await pair.target.query(
      `SELECT count(*) AS count, max(key[1]::int) AS last, min(key[2]) AS quoted, min(lost::text) AS lost
         FROM ferry.conflict WHERE pipeline = $1`,
      [`${pair.name}-back`],
    );
    expect(kept).toEqual([{ count: '2500', last: '2500', quoted: 'a "b"', lost: '{"n": 1.50}' }]);
    const { acts } = (await pair.run('history', '--json')).json<{ acts: PastAct[] }>();
    expect(acts.filter(({ act }) => act.startsWith('way back: '))).toMatchObject([
      { act: 'way back: table resume' },
      { act: 'way back: table pause', by: 'ann', detail: { why: 'test' } },
    ]);
    expect(await pair.status()).toMatchObject({
      phase: 'finished',
      nextSteps: ['Nothing: the migration is finished.'],
    });
    expect(await tryWrite(pair.source, 'source', 0)).toBe(true);
    const rollback = await pair.run('rollback', '--json');
    expect(rollback.code).toBe(3);
    expect(rollback.stdout).toContain('is finished: its way back is gone');
  });
});
