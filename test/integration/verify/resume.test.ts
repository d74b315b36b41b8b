import type { Client } from 'pg';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { ensureControlSchema } from '../../../platform/control-schema.js';
import { readVerifications } from '../../../services/control/verify/record.js';
import { VerificationRun } from '../../../services/control/verify/runs.js';
import { describeWithPostgres } from '../../support/servers.js';
import { mapping, Pair } from './pair.js';

const PAIRS = ['public.t -> growth.t'];

describeWithPostgres('a verification that is kept', () => {
  let pair: Pair;

  beforeAll(async () => {
    pair = await Pair.open();
  });
  afterAll(() => pair?.close());
  beforeEach(async () => {
    await pair.reset();
    await ensureControlSchema(pair.target);
    await pair.both('id int PRIMARY KEY, v int', 'INSERT INTO @ SELECT i, i FROM generate_series(1, 950) i');
  });

  const pipeline = { name: 'demo', tables: [mapping()] };

  /** Compares the table until so many rows of it are compared, and stops there; its session ends with it. */
  async function interrupted(rows: number): Promise<void> {
    const session = await pair.connect('target');
    const memory = await VerificationRun.begin(session, pipeline, PAIRS);
    const stop = new AbortController();
    const onProgress = (seen: { readonly rows: number }) => {
      if (seen.rows >= rows) stop.abort(new Error('killed'));
    };
    await expect(pair.verify([mapping()], { memory, signal: stop.signal, onProgress })).rejects.toThrow('killed');
    await leave(session);
  }

  /** The server may hear of a session's end a moment after the client. */
  async function leave(session: Client): Promise<void> {
    await session.query('SELECT pg_advisory_unlock_all()');
    await session.end();
  }

  test('goes on behind the last chunk, with what it had found', async () => {
    await pair.target.query('UPDATE growth.t SET v = -1 WHERE id = 5');
    await interrupted(400);
    // In chunks that are compared: nobody looks there again.
    await pair.target.query('UPDATE growth.t SET v = -2 WHERE id = 6; UPDATE growth.t SET v = id WHERE id = 5');
    await pair.target.query('DELETE FROM growth.t WHERE id = 900');
    const memory = await VerificationRun.resume(pair.target, pipeline);
    expect(memory.pairs).toEqual(PAIRS);
    const seen: number[] = [];
    const report = await pair.verifyOne(mapping(), { memory, onProgress: ({ rows }) => seen.push(rows) });
    expect(report).toMatchObject({ rows: 950, targetRows: 949, differencesTotal: 2, unsettled: 0 });
    expect(report.differences).toEqual([
      { key: ['5'], kind: 'different', columns: ['v'] },
      { key: ['900'], kind: 'missing' },
    ]);
    expect(seen.filter((rows) => rows > 0)[0]).toBe(400);
    await memory.end();
    await expect(VerificationRun.resume(pair.target, pipeline)).rejects.toMatchObject({ code: 'not-ready' });
    const { rows } = await pair.target.query('SELECT count(*) FROM ferry.verification_progress');
    expect(rows).toEqual([{ count: '0' }]);
  });

  test('is as old as its first chunk', async () => {
    await interrupted(400);
    await pair.target.query(`UPDATE ferry.verification_progress SET began_at = began_at - interval '1 day'`);
    const memory = await VerificationRun.resume(pair.target, pipeline);
    await pair.verify([mapping()], { memory });
    const [record] = await readVerifications(pair.target, pipeline);
    expect(record).toMatchObject({ report: { rows: 950, equal: true } });
    expect(record!.ageMs).toBeGreaterThan(86_400_000);
  });

  test('does not compare a table again that was done', async () => {
    const session = await pair.connect('target');
    await pair.verify([mapping()], { memory: await VerificationRun.begin(session, pipeline, PAIRS) });
    await leave(session);
    await pair.target.query('DELETE FROM growth.t');
    const memory = await VerificationRun.resume(pair.target, pipeline);
    expect(await pair.verifyOne(mapping(), { memory })).toMatchObject({ equal: true, rows: 950 });
    const { rows } = await pair.target.query('SELECT count(*) FROM ferry.verification');
    expect(rows).toEqual([{ count: '1' }]);
  });

  test('begins a table anew whose columns are others now', async () => {
    await interrupted(400);
    await pair.source.query('ALTER TABLE public.t ADD w int');
    await pair.target.query('ALTER TABLE growth.t ADD w int; UPDATE growth.t SET w = 1 WHERE id = 6');
    const memory = await VerificationRun.resume(pair.target, pipeline);
    expect(await pair.verifyOne(mapping(), { memory })).toMatchObject({
      rows: 950,
      differences: [{ key: ['6'], kind: 'different', columns: ['w'] }],
    });
  });

  test('cannot go on with another mapping or other tables, while it runs, nor once it was given up', async () => {
    await interrupted(400);
    const resume = (of = pipeline, pairs?: string[]) => VerificationRun.resume(pair.target, of, pairs);
    const refused = (message: RegExp) => ({ code: 'not-ready', message: expect.stringMatching(message) });
    const renamed = { ...pipeline, tables: [mapping({ rename: { v: 'w' } })] };
    await expect(resume(renamed)).rejects.toMatchObject(refused(/mapping, or its list of tables, has changed/));
    const more = { ...pipeline, tables: [mapping(), mapping({ source: 'public.u', target: 'growth.u' })] };
    await expect(resume(more)).rejects.toMatchObject(refused(/list of tables, has changed/));
    await expect(resume(pipeline, ['public.u -> growth.u'])).rejects.toMatchObject(
      refused(/of other tables: public.t/),
    );
    await expect(resume({ ...pipeline, name: 'other' })).rejects.toMatchObject(
      refused(/no verification .* interrupted/),
    );
    const other = await pair.connect('target');
    const running = await VerificationRun.resume(other, pipeline);
    await expect(resume()).rejects.toMatchObject(refused(/has not ended: another process/));
    // One that runs is nobody else's to give up.
    await (await VerificationRun.begin(pair.target, pipeline, PAIRS)).end();
    expect(running.of({ source: 'public.t', target: 'growth.t' })?.walk.total.source.rows).toBe(400);
    await leave(other);
    await (await VerificationRun.begin(pair.target, pipeline, PAIRS)).end();
    await expect(resume()).rejects.toMatchObject(refused(/no verification .* interrupted/));
  });
});
