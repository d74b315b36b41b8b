import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ledgerAddsUp } from '../../../core/ledger.js';
import type { RoundReport } from '../../../services/control/verify/continuous.js';
import type { TableReport, VerifyReport } from '../../../services/control/verify/report.js';
import { type CliError, type CliResult, FerryProcess, runFerry } from '../../support/cli.js';
import { eventually } from '../../support/eventually.js';
import { type Pipeline, startPipeline } from '../../support/pipeline.js';
import { describeWithPostgres } from '../../support/servers.js';

/** More than the two chunks that are compared at once, so that a kill leaves some of it. */
const ITEMS = 45_000;

describeWithPostgres('verification of a pipeline that runs', () => {
  let pipeline: Pipeline;
  let writing: { stop(): Promise<void> } | undefined;

  beforeAll(async () => {
    pipeline = await startPipeline({
      driver: 'embedded',
      schemaSql: `
        CREATE TABLE public.items (id int PRIMARY KEY, note text);
        CREATE TABLE public.lines (item int, "no" text, price numeric, big text, PRIMARY KEY ("no", item));
        ALTER TABLE public.lines ALTER big SET STORAGE EXTERNAL;
        CREATE TABLE public.users (id int PRIMARY KEY, name text, email text UNIQUE)`,
      sourceSql: `
        INSERT INTO public.items SELECT i, 'item ' || i FROM generate_series(1, ${ITEMS}) i;
        INSERT INTO public.lines SELECT i, 'no ' || i, i / 7.0, repeat(md5(i::text), 200) FROM generate_series(1, 400) i;
        INSERT INTO public.users SELECT i, 'user ' || i, i || '@example.org' FROM generate_series(1, 300) i`,
      targetSql: 'CREATE TABLE people.users (id int PRIMARY KEY, full_name text, email text UNIQUE)',
      tables: {
        sales: { items: 'public.items', lines: 'public.lines' },
        people: {
          users: { from: 'public.users', where: 'id <> 999', drop: ['name'], columns: { full_name: { from: 'name' } } },
        },
      },
    });
  });
  afterAll(async () => {
    await writing?.stop();
    await pipeline?.[Symbol.asyncDispose]();
  });

  const verify = (...args: readonly string[]) => ['verify', ...args, '--json', '-c', pipeline.config.directory];
  const tablesOf = async (...args: readonly string[]) => {
    const result = await runFerry(verify(...args), pipeline.env);
    return { code: result.code, tables: result.json<VerifyReport>().tables, stderr: result.stderr };
  };
  const found = (tables: readonly TableReport[]) =>
    tables.flatMap(({ source, differences }) =>
      differences.map(({ key, kind, columns }) => [source, ...key, kind, ...(columns ?? [])].join(' ')),
    );

  test('killed amid a table it goes on behind the last chunk, and compares none again', async () => {
    await pipeline.target.query(`UPDATE sales.items SET note = 'wrong' WHERE id = 5`);
    const env = { ...pipeline.env, FERRY_FAILPOINTS: 'verify.chunk-kept=die:0@0' };
    const items = ['--table', 'public.items'];
    const killed = await runFerry(verify(...items), env);
    expect(killed.code).toBeNull();
    // Whoever looked at the first chunk again would find this instead.
    await pipeline.target.query(`UPDATE sales.items SET note = 'item 5' WHERE id = 5;
      UPDATE sales.items SET note = 'wrong' WHERE id = 6; DELETE FROM sales.items WHERE id = 44000`);
    const other = await runFerry(verify('--resume', '--table', 'public.lines'), pipeline.env);
    expect([other.code, other.json<CliError>().error.message]).toEqual([3, expect.stringContaining('of other tables')]);
    const resumed = await tablesOf('--resume');
    expect(resumed.code, resumed.stderr).toBe(3);
    expect(found(resumed.tables)).toEqual(['public.items 5 different note', 'public.items 44000 missing']);
    expect(resumed.tables).toMatchObject([{ rows: ITEMS, targetRows: ITEMS - 1 }]);
    const again = await runFerry(verify('--resume'), pipeline.env);
    expect([again.code, again.json<CliError>().error.code]).toEqual([3, 'not-ready']);
    const anew = await tablesOf(...items);
    expect(found(anew.tables)).toEqual(['public.items 6 different note', 'public.items 44000 missing']);
  });

  test('while changes go on all that is wrong is found and nothing else, and a repair makes it equal though capture dies', async () => {
    writing = write(pipeline);
    await pipeline.target.query(`SET session_replication_role = 'replica';
      UPDATE sales.lines SET price = 0 WHERE item = 7; DELETE FROM sales.lines WHERE item IN (8, 9);
      INSERT INTO sales.lines VALUES (-1, 'too "much"', 1, 'x'), (8, 'no 7', 1, 'x');
      UPDATE people.users SET email = 'wrong' WHERE id = 10; DELETE FROM people.users WHERE id = 11;
      INSERT INTO people.users VALUES (900, 'nobody', '11@example.org')`);
    const wrong = [
      'public.items 44000 missing',
      'public.items 6 different note',
      'public.lines no 7 7 different price',
      'public.lines no 7 8 extra',
      'public.lines no 8 8 missing',
      'public.lines no 9 9 missing',
      'public.lines too "much" -1 extra',
      'public.users 10 different email',
      'public.users 11 missing',
      'public.users 900 extra',
    ];
    const before = await tablesOf();
    expect(found(before.tables).sort(), before.stderr).toEqual(wrong);
    const ended = await repairThough(pipeline, verify('--repair'));
    expect(ended.code, ended.stderr).toBe(0);
    const repaired = ended.json<VerifyReport>();
    const counts = Object.fromEntries(repaired.tables.map((table) => [table.source, table.repaired]));
    expect(counts).toEqual({ 'public.items': 2, 'public.lines': 5, 'public.users': 3 });
    for (const { checksum } of repaired.tables) expect(checksum.source).toMatch(/^[0-9a-f]{16}$/);
    await writing.stop();
    writing = undefined;
    const after = await tablesOf();
    expect([after.code, found(after.tables)]).toEqual([0, []]);
    for (const { checksum } of after.tables) expect(checksum.target).toBe(checksum.source);
    await pipeline.until('the ledger to add up', async () => {
      const { ledger } = await pipeline.status();
      return ledger !== null && ledger.deadLettered === 0 && ledger.tables.every(ledgerAddsUp);
    });
  });

  test('it compares changed rows again as long as it runs, and those alone', async () => {
    // What apply writes to one row is spoilt each time.
    await pipeline.target.query(`
      CREATE FUNCTION sales.spoil() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.note := 'spoilt'; RETURN NEW; END $$;
      CREATE TRIGGER spoil BEFORE INSERT OR UPDATE ON sales.items FOR EACH ROW WHEN (NEW.id = 77) EXECUTE FUNCTION sales.spoil();
      ALTER TABLE sales.items ENABLE ALWAYS TRIGGER spoil`);
    const running = new FerryProcess(verify('--continuous', '200ms'), pipeline.env);
    const rounds = () =>
      running.stdout.split('\n').flatMap((line) => (line.startsWith('{"round"') ? [JSON.parse(line)] : []));
    const round = (what: string, holds: (report: RoundReport) => boolean) =>
      eventually(() => (rounds() as RoundReport[]).find(holds), { what: `a round ${what}`, timeoutMs: 60_000 });
    try {
      await round('without a change', ({ tables, ok }) => ok && tables.length === 0);
      await pipeline.target.query(`UPDATE sales.items SET note = 'nobody has changed it' WHERE id = 99`);
      await pipeline.source.query(`UPDATE public.items SET note = 'new' WHERE id BETWEEN 76 AND 78;
        DELETE FROM public.items WHERE id = 79; INSERT INTO public.users VALUES (301, 'new', NULL)`);
      const bad = await round('that finds it', ({ ok }) => !ok);
      expect(found(bad.tables)).toEqual(['public.items 77 different note']);
      await pipeline.target.query('DROP TRIGGER spoil ON sales.items');
      await pipeline.source.query(`UPDATE public.items SET note = 'newer' WHERE id = 77`);
      await round('that finds it right again', (report) => report.round > bad.round && report.ok);
      const compared = (source: string) =>
        rounds().some(({ tables }: RoundReport) => tables.some((table) => table.source === source));
      expect(compared('public.users')).toBe(true);
      expect(compared('public.lines')).toBe(false);
    } finally {
      running.signal('SIGINT');
    }
    const ended = await running.ended;
    expect(ended.code, ended.stderr).toBe(0);
    const stopping = await runFerry(verify('--continuous', '--stop-at-difference'), pipeline.env);
    expect([stopping.code, found(stopping.json<VerifyReport>().tables)]).toEqual([
      3,
      ['public.items 99 different note'],
    ]);
  });

  test('it pauses while the pipeline lags, says so, and goes on by itself', async () => {
    await pipeline.apply.stop();
    await pipeline.until('the pipeline to lag', async () => ((await pipeline.status()).lag.seconds ?? 0) > 2);
    const running = new FerryProcess(verify('--max-load', 'lag=2s', '--table', 'public.users'), pipeline.env);
    await running.said(/reading pauses: lag [\d.]+ s, above 2\.0 s/);
    pipeline.apply.start();
    const ended = await running.ended;
    expect(ended.code, ended.stderr).toBe(0);
    expect(ended.stderr).toContain('reading goes on');
  });

  test('it repairs nothing once the target serves', async () => {
    await pipeline.target.query('INSERT INTO ferry.cutover (pipeline, serving) VALUES ($1, $2)', [
      pipeline.config.name,
      'target',
    ]);
    const refused = await runFerry(verify('--repair', '--table', 'public.items'), pipeline.env);
    expect([refused.code, refused.json<CliError>().error.message]).toEqual([
      3,
      expect.stringContaining('the new project serves'),
    ]);
    await pipeline.target.query('DELETE FROM ferry.cutover');
  });

  test('interrupted it says how to go on', async () => {
    const env = { ...pipeline.env, FERRY_FAILPOINTS: 'verify.chunk-kept=pause:2000@0' };
    const running = new FerryProcess(verify('--table', 'public.items'), env);
    await running.said(/failpoint: pause/);
    running.signal('SIGINT');
    const ended = await running.ended;
    expect([ended.code, ended.json<CliError>().error.remedy]).toEqual([3, expect.stringContaining('--resume')]);
    const resumed = await tablesOf('--resume');
    expect(found(resumed.tables)).toEqual(['public.items 99 different note']);
  });
});

/** Runs a repair, amid which capture dies with rows that it has read and not brought. */
async function repairThough(pipeline: Pipeline, args: readonly string[]): Promise<CliResult> {
  await pipeline.capture.stop();
  const dying = pipeline.process('capture', { FERRY_FAILPOINTS: 'capture.chunk-read=die:0@0' });
  dying.start();
  dying.mayEnd();
  const repairing = new FerryProcess(args, pipeline.env);
  expect((await dying.ended).signal).toBe('SIGKILL');
  pipeline.capture.start();
  return repairing.ended;
}

/** Each changes 15 rows or 16: above 500 changes a second. */
const TRANSACTION_EVERY_MS = 28;

/** An application that changes rows that nobody has spoilt. */
function write(pipeline: Pipeline): { stop(): Promise<void> } {
  let isDone = false;
  const writing = (async () => {
    const session = await pipeline.connect('source');
    const startedAt = performance.now();
    for (let i = 0; !isDone; i++) {
      await session.query(`BEGIN;
        UPDATE public.items SET note = 'changed ${i}' WHERE id % 4000 = 1000 + ${i % 50};
        UPDATE public.lines SET price = ${i} WHERE item = ${100 + (i % 100)};
        UPDATE public.users SET email = '${i}@example.com' WHERE id = ${100 + (i % 100)};
        INSERT INTO public.items VALUES (${100_000 + i}, 'new'); DELETE FROM public.items WHERE id = ${100_000 + i - 20};
        COMMIT`);
      await sleep(Math.max(0, startedAt + (i + 1) * TRANSACTION_EVERY_MS - performance.now()));
    }
  })();
  writing.catch(() => {});
  return {
    stop: async () => {
      isDone = true;
      await writing;
    },
  };
}
