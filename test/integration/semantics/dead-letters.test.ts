import { afterAll, beforeAll, expect, test } from 'vitest';
import { readLetters, type StoredLetter } from '../../../services/apply/adapters/letter-store.js';
import { type CliError, runFerry } from '../../support/cli.js';
import { type Pipeline, startPipeline } from '../../support/pipeline.js';
import { fromPublic } from '../../support/pipeline-files.js';
import { describeWithPostgres } from '../../support/servers.js';

const BIG = "pg_catalog.repeat('0123456789', 10000)";

/** A pipeline whose target refuses negative numbers, which the source has. */
function refusingPipeline(partitions: number): Promise<Pipeline> {
  return startPipeline({
    driver: 'embedded',
    partitions,
    apply: { onRefusal: 'dead-letter' },
    schemaSql: `
      CREATE TABLE public.items (id int PRIMARY KEY, n int, note varchar(20), big text);
      ALTER TABLE public.items ALTER big SET STORAGE EXTERNAL;
      CREATE TABLE public.prices (shop int, amount numeric, n int, PRIMARY KEY (shop, amount));
      CREATE TABLE public.logs (id int PRIMARY KEY, item int, note text)`,
    sourceSql: `
      INSERT INTO public.items SELECT i, CASE WHEN i IN (77, 333) THEN -i ELSE i END, 'secret ' || i, CASE WHEN i < 10 THEN ${BIG} END FROM generate_series(1, 400) i`,
    targetSql: `ALTER TABLE shop.items ADD CONSTRAINT not_negative CHECK (n >= 0);
      ALTER TABLE shop.prices ADD CONSTRAINT positive CHECK (n > 0)`,
    tables: { shop: fromPublic('items', 'prices'), audit: fromPublic('logs') },
  });
}

/** `ferry dead-letter <subcommand> ...`. */
const deadLetter = (pipeline: Pipeline, subcommand: string, ...args: readonly string[]) =>
  runFerry(['dead-letter', subcommand, '-c', pipeline.config.directory, ...args], pipeline.env);

const letters = (pipeline: Pipeline, ...settled: readonly ('retried' | 'dropped')[]) =>
  readLetters(pipeline.target, pipeline.config.name, { states: ['standing', ...settled] });

/** Operation and first key of each letter, with SQLSTATE where it was refused itself. */
const brief = (all: readonly StoredLetter[]) =>
  all.map(({ op, keys, sqlstate }) => [op, ...(keys?.map((key) => key.join()) ?? ['all']), sqlstate].join(' ').trim());

async function commit(pipeline: Pipeline, ...transactions: readonly string[]): Promise<void> {
  for (const sql of transactions) await pipeline.source.query(`BEGIN; ${sql}; COMMIT`);
}

const mend = (pipeline: Pipeline) =>
  pipeline.target.query('ALTER TABLE shop.items DROP CONSTRAINT IF EXISTS not_negative');
const harden = (pipeline: Pipeline) =>
  pipeline.target.query('ALTER TABLE shop.items ADD CONSTRAINT not_negative CHECK (n >= 0) NOT VALID');

describeWithPostgres('changes that the target refuses, set aside', () => {
  let pipeline: Pipeline;

  beforeAll(async () => {
    pipeline = await refusingPipeline(1);
  });
  afterAll(() => pipeline?.[Symbol.asyncDispose]());

  async function retryAll(): Promise<void> {
    const result = await deadLetter(pipeline, 'retry', '--all', '--json');
    expect(result.json(), result.stderr).toMatchObject({ ok: true, refused: [], standing: 0 });
    expect(result.code).toBe(0);
  }

  test('of a snapshot the refused rows alone, and nothing counts as done while they stand', async () => {
    const found = await letters(pipeline);
    expect(brief(found)).toEqual(['r 77 23514', 'r 333 23514']);
    expect(found[0]).toMatchObject({
      tables: ['shop.items'],
      constraint: 'not_negative',
      partition: 0,
      state: 'standing',
    });
    const { rows } = await pipeline.target.query('SELECT count(*) FROM shop.items');
    expect(rows[0]!.count).toBe('398');

    await pipeline.untilApplied();
    await pipeline.statusIn('streaming');
    const status = await pipeline.ferry('status', '--json');
    expect(status.code).toBe(3);
    expect(status.json()).toMatchObject({ phase: 'streaming', ledger: { addsUp: true, deadLettered: 2 } });
    expect(status.json<{ nextSteps: string[] }>().nextSteps[0]).toContain('ferry dead-letter list');
    expect((await pipeline.ferry('status')).stdout).toContain('dead letters: 2 changes stand, of public.items (2)');
    const verify = await pipeline.ferry('verify', '--json');
    expect(verify.code).toBe(3);
    expect(verify.json()).toMatchObject({ ok: false, deadLetters: 2 });
  });

  test('a refused change takes with it what comes later for its row, over key changes, and nothing else', async () => {
    await commit(
      pipeline,
      `UPDATE public.items SET n = -5 WHERE id = 5; UPDATE public.items SET n = 60 WHERE id = 6`,
      `UPDATE public.items SET note = 'later' WHERE id = 5`,
      `UPDATE public.items SET id = 1005, n = 5 WHERE id = 5; INSERT INTO public.items VALUES (5, 1, 'again', 'x')`,
      `DELETE FROM public.items WHERE id = 1005`,
      `UPDATE public.items SET note = 'after the snapshot' WHERE id = 77`,
      `INSERT INTO public.logs VALUES (1, 5, 'goes on')`,
    );
    await pipeline.untilApplied();
    const found = await letters(pipeline);
    expect(brief(found).slice(2)).toEqual(['u 5 23514', 'u 5', 'u 5 1005', 'c 5', 'd 1005', 'u 77']);
    await pipeline.expectEqual('public.logs');
    const { rows } = await pipeline.target.query(
      'SELECT id, n, note FROM shop.items WHERE id IN (5, 6, 1005) ORDER BY 1',
    );
    expect(rows).toEqual([
      { id: '5', n: '5', note: 'secret 5' },
      { id: '6', n: '60', note: 'secret 6' },
    ]);
    expect((await pipeline.status()).ledger).toMatchObject({ addsUp: true, deadLettered: 8 });
  });

  test('keys that are equal are held up together, though their text differs', async () => {
    await commit(pipeline, `INSERT INTO public.prices VALUES (1, 1.0, -1), (2, 1.0, 1)`);
    // In one batch with what follows it would be folded away.
    await pipeline.untilApplied();
    await commit(pipeline, `DELETE FROM public.prices WHERE shop = 1; INSERT INTO public.prices VALUES (1, 1.00, 5)`);
    await pipeline.untilApplied();
    expect(brief(await letters(pipeline)).slice(8)).toEqual(['c 1, 23514', 'd 1,', 'c 1,']);
    await pipeline.target.query('ALTER TABLE shop.prices DROP CONSTRAINT positive');
    const retried = await deadLetter(pipeline, 'retry', '--table', 'public.prices', '--json');
    expect(retried.json(), retried.stderr).toMatchObject({ ok: true, retried: 3 });
    await pipeline.expectEqual('public.prices');
  });

  test('the list names key and error, and show prints the event with its values', async () => {
    const { stdout, code } = await deadLetter(pipeline, 'list', '--table', 'public.items');
    expect(stdout).toContain('SQLSTATE 23514');
    expect(stdout).not.toContain('secret');
    expect(code).toBe(3);
    const [, , first] = await letters(pipeline);
    const shown = await deadLetter(pipeline, 'show', String(first!.id), '--json');
    expect(shown.json()).toMatchObject({ event: { op: 'u', new: ['5', '-5', 'secret 5', false] } });
    expect((await deadLetter(pipeline, 'show', '999999', '--json')).code).toBe(2);
  });

  test('retry applies what the target takes by now, in order, and keeps what it refuses again', async () => {
    const [first, second] = await letters(pipeline);
    const refused = await deadLetter(pipeline, 'retry', String(first!.id), '--json');
    expect(refused.code).toBe(3);
    expect(refused.json()).toMatchObject({ ok: false, retried: 0, standing: 8, refused: [{ id: first!.id }] });
    expect((await letters(pipeline))[0]).toMatchObject({ id: first!.id, attempts: 2 });

    await mend(pipeline);
    const one = await deadLetter(pipeline, 'retry', String(second!.id), '--json');
    expect(one.json()).toMatchObject({ ok: true, retried: 1, standing: 7 });
    await retryAll();
    await commit(pipeline, `UPDATE public.items SET note = 'in the stream again' WHERE id IN (5, 77, 333)`);
    await pipeline.expectApplied();
    const status = await pipeline.ferry('status', '--json');
    expect(status.json()).toMatchObject({ ledger: { addsUp: true, deadLettered: 0 } });
    expect(status.code).toBe(0);
    const history = await letters(pipeline, 'retried', 'dropped');
    expect(history.every(({ state, settledBy }) => state === 'retried' && settledBy !== null)).toBe(true);
  });

  test('a truncate and all that comes after it follow, too', async () => {
    await harden(pipeline);
    await commit(
      pipeline,
      `UPDATE public.items SET n = -1 WHERE id = 9`,
      `TRUNCATE public.items`,
      `INSERT INTO public.items VALUES (1, 1, 'after', NULL), (9, 9, 'after', NULL)`,
    );
    await pipeline.untilApplied();
    expect(brief(await letters(pipeline))).toEqual(['u 9 23514', 't all', 'c 1', 'c 9']);
    await mend(pipeline);
    await retryAll();
    await pipeline.expectApplied();
  });

  test('values that do not fit, among many in one transaction, name column and SQLSTATE', async () => {
    await pipeline.target.query('ALTER TABLE shop.items ALTER note TYPE varchar(5), ALTER n TYPE smallint');
    await commit(
      pipeline,
      `INSERT INTO public.items SELECT i, i, CASE WHEN i = 2500 THEN 'far too long' ELSE 'ok' END FROM generate_series(2001, 3000) i;
       UPDATE public.items SET n = 70000 WHERE id = 2600; UPDATE public.items SET n = 1 WHERE id = 2600`,
    );
    await pipeline.untilApplied();
    const found = await letters(pipeline);
    expect(brief(found)).toEqual(['c 2500 22001', 'u 2600 22003', 'u 2600']);
    expect(found[0]).toMatchObject({ column: 'note', message: 'value too long for type character varying(5)' });
    expect(found[1]!.message).not.toContain('70000');
    await pipeline.target.query('ALTER TABLE shop.items ALTER note TYPE varchar(20), ALTER n TYPE int');
    await retryAll();
    await pipeline.expectApplied();
  });

  test('what was refused for a row that has the value by now is applied as what it came to since', async () => {
    const before = (await letters(pipeline)).length;
    await pipeline.target.query(`ALTER TABLE audit.logs ADD CONSTRAINT one_note UNIQUE (note);
      INSERT INTO audit.logs VALUES (900, 1, 'of a row that is ahead')`);
    await commit(
      pipeline,
      `INSERT INTO public.logs VALUES (20, 1, 'of a row that is ahead'), (30, 1, 'of a row that is ahead')`,
    );
    await pipeline.untilApplied();
    // In one batch with what follows it would be folded away.
    await commit(pipeline, `UPDATE public.logs SET id = 21, note = 'another' WHERE id = 20`);
    await commit(pipeline, `UPDATE public.logs SET item = 2 WHERE id = 21`);
    await pipeline.untilApplied();
    expect(brief((await letters(pipeline)).slice(before))).toEqual(['c 20 23505', 'c 30 23505', 'u 20 21', 'u 21']);
    const retried = await deadLetter(pipeline, 'retry', '--table', 'public.logs', '--json');
    expect(retried.json(), retried.stderr).toMatchObject({ ok: false, retried: 3, refused: [{ keys: [['30']] }] });
    await pipeline.target.query('DELETE FROM audit.logs WHERE id = 900');
    expect((await deadLetter(pipeline, 'retry', '--table', 'public.logs', '--json')).json()).toMatchObject({
      ok: true,
    });
    await pipeline.expectEqual('public.logs');
    await pipeline.target.query('ALTER TABLE audit.logs DROP CONSTRAINT one_note');
  });

  test('drop discards for good, says who did, and frees the row for what comes next', async () => {
    await harden(pipeline);
    await commit(pipeline, `INSERT INTO public.items VALUES (4000, -1, 'dropped', NULL)`);
    await pipeline.untilApplied();
    const [letter] = await letters(pipeline);
    const unasked = await deadLetter(pipeline, 'drop', String(letter!.id), '--json');
    expect([unasked.code, unasked.json<CliError>().error.remedy]).toEqual([2, 'Give --yes.']);
    const dropped = await deadLetter(pipeline, 'drop', String(letter!.id), '--yes', '--json');
    expect(dropped.json()).toEqual({ ok: true, dropped: [letter!.id], standing: 0 });
    const history = await letters(pipeline, 'retried', 'dropped');
    expect(history.at(-1)).toMatchObject({ id: letter!.id, state: 'dropped', settledBy: expect.any(String) });
    await commit(pipeline, `UPDATE public.items SET n = 1 WHERE id = 4000`);
    await pipeline.expectApplied();
    expect((await pipeline.status()).ledger).toMatchObject({ addsUp: true, deadLettered: 0 });
  });

  test('a replay sets aside again what is still refused', async () => {
    await pipeline.target.query(
      'DELETE FROM shop.items WHERE id = 4000; ALTER TABLE shop.items ADD CHECK (id <> 4000)',
    );
    const refused = await pipeline.ferry('replay', '--yes', '--json');
    expect(refused.code).toBe(3);
    const before = await letters(pipeline);
    expect(before.length).toBeGreaterThan(0);
    await pipeline.target.query(
      `ALTER TABLE shop.items DROP CONSTRAINT items_id_check; ALTER TABLE shop.items DROP CONSTRAINT not_negative`,
    );
    const replayed = await pipeline.ferry('replay', '--yes', '--json');
    expect(replayed.json(), replayed.stderr).toMatchObject({ ok: true, deadLetters: 0 });
    expect(await letters(pipeline)).toEqual([]);
    await pipeline.expectApplied();
  });
});

describeWithPostgres('changes that the target refuses, with several partitions', () => {
  test('hold up a truncate, which all partitions have, and what comes after it', async () => {
    await using pipeline = await refusingPipeline(3);
    await commit(
      pipeline,
      `UPDATE public.items SET n = -id WHERE id BETWEEN 10 AND 20`,
      `UPDATE public.items SET id = id + 1000 WHERE id = 30`,
      `TRUNCATE public.items`,
      `INSERT INTO public.items SELECT i, i, 'after', NULL FROM generate_series(1, 50) i`,
    );
    await pipeline.untilApplied();
    const found = await letters(pipeline);
    expect(found.filter(({ op }) => op === 't')).toHaveLength(1);
    expect(found.filter(({ op }) => op === 'c')).toHaveLength(50);
    expect(found.filter(({ sqlstate }) => sqlstate === '23514')).toHaveLength(13);
    await mend(pipeline);
    const result = await deadLetter(pipeline, 'retry', '--table', 'public.items', '--json');
    expect(result.json(), result.stderr).toMatchObject({ ok: true, standing: 0 });
    await pipeline.expectApplied();
    expect((await pipeline.status()).ledger).toMatchObject({ addsUp: true, deadLettered: 0 });
  });
});
