import { afterAll, beforeAll, expect, test } from 'vitest';
import { readLetters } from '../../../services/apply/adapters/letter-store.js';
import { runFerry } from '../../support/cli.js';
import { type Pipeline, startPipeline } from '../../support/pipeline.js';
import { fromPublic } from '../../support/pipeline-files.js';
import { describeWithPostgres } from '../../support/servers.js';

/** A foreign key of the target alone, checked at COMMIT; it fires for apply, too, as it does where the role may not say otherwise. */
const DEFERRED = `
  ALTER TABLE shop.lines ADD CONSTRAINT of_an_order FOREIGN KEY (order_id) REFERENCES shop.orders
    DEFERRABLE INITIALLY DEFERRED;
  DO $$ DECLARE name text; BEGIN
    FOR name IN SELECT tgname FROM pg_catalog.pg_trigger WHERE tgrelid = 'shop.lines'::regclass AND tgisinternal LOOP
      EXECUTE format('ALTER TABLE shop.lines ENABLE ALWAYS TRIGGER %I', name);
    END LOOP; END $$`;

describeWithPostgres('a constraint of the target that is checked at COMMIT', () => {
  let pipeline: Pipeline;

  beforeAll(async () => {
    pipeline = await startPipeline({
      driver: 'embedded',
      apply: { onRefusal: 'dead-letter' },
      schemaSql: `CREATE TABLE public.orders (id int PRIMARY KEY); CREATE TABLE public.lines (id int PRIMARY KEY, order_id int);
        CREATE TABLE public.notes (id int PRIMARY KEY, text text)`,
      targetSql: DEFERRED,
      tables: { shop: fromPublic('orders', 'lines'), audit: fromPublic('notes') },
    });
  });
  afterAll(() => pipeline?.[Symbol.asyncDispose]());

  test('is met by a transaction that keeps it at its end, in whichever order it writes', async () => {
    await pipeline.source.query(
      'BEGIN; INSERT INTO public.lines VALUES (1, 1), (2, 1); INSERT INTO public.orders VALUES (1); COMMIT',
    );
    await pipeline.expectApplied();
  });

  test('halts its domain by name with what to do, sets nothing aside, and the others go on', async () => {
    await pipeline.source.query('INSERT INTO public.lines VALUES (3, 7)');
    await pipeline.source.query("INSERT INTO public.notes VALUES (1, 'goes on')");
    const part = async () =>
      (await pipeline.status()).services.find(({ service }) => service === 'apply')?.parts?.find(({ error }) => error);
    await pipeline.until('apply to halt', async () => (await part())?.state === 'halted');
    const { message, remedy } = (await part())!.error!;
    expect(message).toMatch(
      /domain\.shop\/0 at offset \d+, position \S+, at COMMIT, table shop\.lines, SQLSTATE 23503/,
    );
    expect(message).toContain('of_an_order');
    expect(remedy).toContain('Make it NOT DEFERRABLE');
    expect(await readLetters(pipeline.target, pipeline.config.name, { states: ['standing'] })).toEqual([]);
    await pipeline.until('the other domain to go on', async () => {
      const { rows } = await pipeline.target.query('SELECT FROM audit.notes');
      return rows.length === 1;
    });
  });

  test('made NOT DEFERRABLE, it names the change, which is set aside and retried', async () => {
    await pipeline.target.query('ALTER TABLE shop.lines ALTER CONSTRAINT of_an_order NOT DEFERRABLE');
    await pipeline.source.query('INSERT INTO public.orders VALUES (7)');
    await pipeline.untilApplied();
    const letters = await readLetters(pipeline.target, pipeline.config.name, { states: ['standing'] });
    expect(letters).toMatchObject([{ keys: [['3']], sqlstate: '23503', constraint: 'of_an_order' }]);
    const retried = await runFerry(
      ['dead-letter', 'retry', '--all', '-c', pipeline.config.directory, '--json'],
      pipeline.env,
    );
    expect(retried.json(), retried.stderr).toMatchObject({ ok: true, standing: 0 });
    await pipeline.expectApplied();
  });
});
