import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Direction, Serving } from '../../services/control/cutover/direction.js';
import { eventually } from '../support/eventually.js';
import type { FlagWrites } from '../support/flag-writes.js';
import type { MovingPair } from '../support/moving-pair.js';
import { describeWithPostgres, testServers } from '../support/servers.js';
import { expectMoves, expectServes, startArmed } from '../support/there-and-back.js';

const SIDES = ['source', 'target'] as const;

/** What the roles of the commands and services need, and nothing beside: the tables are theirs. */
const OWNED_SQL = (role: string) => `
ALTER ROLE ${role} NOSUPERUSER REPLICATION;
GRANT pg_read_all_stats TO ${role};
DO $$
DECLARE
  one record;
BEGIN
  EXECUTE format('ALTER DATABASE %I OWNER TO ${role}', current_database());
  FOR one IN SELECT nspname FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema)' LOOP
    EXECUTE format('ALTER SCHEMA %I OWNER TO ${role}', one.nspname);
  END LOOP;
  FOR one IN SELECT oid::regclass AS name FROM pg_class
              WHERE relkind IN ('r', 'p') AND relnamespace::regnamespace::text !~ '^(pg_|information_schema)' LOOP
    EXECUTE format('ALTER TABLE %s OWNER TO ${role}', one.name);
  END LOOP;
END $$`;

describeWithPostgres('roles that own the tables, and are no superusers', () => {
  let pair: MovingPair;
  let writes: FlagWrites;

  beforeAll(async () => {
    ({ pair, writes } = await startArmed({ servers: testServers() }, async (ready) => {
      for (const side of SIDES) await ready[side].query(OWNED_SQL(`${ready.name}_${side}`));
    }));
  });

  afterAll(async () => {
    await writes?.stop();
    await pair?.close();
  });

  test('let users write in both projects, without a change that goes round', async () => {
    const rollout = async (...args: string[]) => {
      const { code, json, stderr } = await pair.run('rollout', '--max-lag', '60s', '--json', ...args);
      expect(code, stderr).toBe(0);
      return json();
    };
    await pair.expectEqual();
    await rollout('--mode', 'users');
    await pair.target.query('UPDATE growth.settings SET value = \'{"by": "new"}\' WHERE key = \'setting 20\'');
    await pair.source.query('UPDATE public.settings SET value = \'{"by": "old"}\' WHERE key = \'setting 21\'');
    for (const side of SIDES) {
      const name = side === 'source' ? 'public.settings' : 'growth.settings';
      const by = `SELECT value ->> 'by' AS by FROM ${name} WHERE key IN ('setting 20', 'setting 21') ORDER BY key`;
      await eventually(async () => (await pair[side].query(by)).rows.map(({ by }) => by).join() === 'new,old', {
        what: `both writes in the ${side}`,
      });
    }
    const applied = async (side: Serving) =>
      (await pair[side].query("SELECT applied FROM ferry.ledger WHERE source_table LIKE '%.settings'")).rows;
    expect(await applied('source')).toEqual([{ applied: '1' }]);
    expect(await rollout('--mode', 'reads')).toMatchObject({ mode: 'reads', percent: 0 });
  });

  test('take the traffic there, back and there again, and finish', async () => {
    for (const [direction, serving] of [
      ['forward', 'target'],
      ['back', 'source'],
      ['forward', 'target'],
    ] as [Direction, Serving][]) {
      await expectMoves({ pair }, direction, serving);
      await expectServes({ pair, writes }, serving);
    }
    await writes.stop();
    await pair.stopAll();
    const finished = await pair.run('finish', '--now', '--yes', '--json');
    expect(finished.json(), finished.stderr).toMatchObject({ ok: true });
    expect((await pair.source.query("SELECT FROM pg_namespace WHERE nspname = 'ferry'")).rows).toEqual([]);
  });
});
