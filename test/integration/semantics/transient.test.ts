import { afterAll, beforeAll, expect, test } from 'vitest';
import { quoteIdentifier, quoteLiteral } from '../../../platform/postgres.js';
import type { FerryProcess } from '../../support/cli.js';
import { eventually } from '../../support/eventually.js';
import { MovingPair } from '../../support/moving-pair.js';
import { describeWithPostgres, testServers } from '../../support/servers.js';

describeWithPostgres('what passes by itself is waited for, in the process that met it', () => {
  let pair: MovingPair;
  let up: FerryProcess;
  let pids: Readonly<Record<'capture' | 'apply' | 'control', number>>;

  beforeAll(async () => {
    pair = await MovingPair.configured({ servers: testServers() });
    // A superuser knows no connection limit.
    await pair.target.query(`
      GRANT CREATE ON DATABASE ${quoteIdentifier(pair.databases.target.name)} TO ${role('target')};
      GRANT pg_read_all_data, pg_write_all_data TO ${role('target')};
      GRANT USAGE ON SCHEMA growth, shared TO ${role('target')};
      GRANT SET ON PARAMETER session_replication_role TO ${role('target')};
      ALTER ROLE ${role('target')} NOSUPERUSER`);
    up = await pair.up();
    pids = {
      capture: await pair.pidOf('capture'),
      apply: await pair.pidOf('apply'),
      control: await pair.pidOf('control'),
    };
  });

  afterAll(async () => {
    await pair?.target.query(`ROLLBACK; REVOKE SET ON PARAMETER session_replication_role FROM ${role('target')}`);
    await pair?.close();
  });

  const role = (side: 'source' | 'target') => quoteIdentifier(`${pair.name}_${side}`);

  /** 57P01, what a restart or a failover does to sessions; the next ones have what the role is set to by now. */
  const endSessions = (side: 'source' | 'target') =>
    pair[side].query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1', [
      `${pair.name}_${side}`,
    ]);

  async function expectNothingEnded(): Promise<void> {
    await pair.change();
    await pair.untilStreaming();
    await pair.expectEqual();
    for (const service of ['capture', 'apply', 'control'] as const) {
      expect(await pair.pidOf(service), service).toBe(pids[service]);
    }
  }

  test('a statement that somebody cancels, while it waits for a lock, holds up its schema alone', async () => {
    await pair.target.query('BEGIN; LOCK TABLE growth.orders IN EXCLUSIVE MODE');
    try {
      await pair.change();
      await pair.source.query(`INSERT INTO public.users (name) VALUES ('goes on')`);
      await eventually(waitsForLock, { what: 'apply to wait for the table' });
      await pair.target.query(
        `SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE usename = $1 AND wait_event_type = 'Lock'`,
        [`${pair.name}_target`],
      );
      const { state, error, parts } = await pair.untilError('apply', 'transient-sql');
      expect(state).toBe('retrying');
      expect(error!.message).toContain('canceling statement due to user request');
      expect(Date.parse(error!.nextAttempt!)).toBeGreaterThan(Date.parse(error!.since));
      expect(parts!.map(({ part }) => part)).toEqual([`${pair.name}.domain.growth/0`]);
      await eventually(
        async () => (await pair.target.query(`SELECT FROM shared.users WHERE name = 'goes on'`)).rowCount === 1,
        { what: 'the other schema to go on' },
      );
    } finally {
      await pair.target.query('ROLLBACK');
    }
    await expectNothingEnded();
  });

  test('a deadlock that apply loses', async () => {
    await pair.target.query(`ALTER ROLE ${role('target')} SET deadlock_timeout = '3s'`);
    await endSessions('target');
    await pair.target.query(`SET deadlock_timeout = '1h'`);
    await pair.target.query(`BEGIN; UPDATE growth.orders SET note = note WHERE id = 50`);
    await pair.source.query(`BEGIN;
      UPDATE public.settings SET value = '{"dead": "lock"}' WHERE key = 'setting 5';
      UPDATE public.orders SET note = 'deadlock' WHERE id = 50; COMMIT`);
    await eventually(waitsForLock, { what: 'apply to wait for the row' });
    await pair.target.query(`UPDATE growth.settings SET value = value WHERE key = 'setting 5'`);
    await pair.target.query('ROLLBACK; RESET deadlock_timeout');
    await up.said(/deadlock detected/);
    await expectNothingEnded();
  });

  test('a password that was changed, until it is right again', async () => {
    // The target's first: apply meets it with the next heartbeat.
    for (const [side, service] of [
      ['target', 'apply'],
      ['target', 'control'],
      ['source', 'capture'],
    ] as const) {
      await pair[side].query(`ALTER ROLE ${role(side)} PASSWORD 'another'`);
      await endSessions(side);
      const { state, error } = await pair.untilError(service, 'auth-failed');
      expect([service, state, error!.nextAttempt !== undefined]).toEqual([service, 'retrying', true]);
    }
    for (const side of ['source', 'target'] as const) {
      await pair[side].query(`ALTER ROLE ${role(side)} PASSWORD ${quoteLiteral(pair.password)}`);
    }
    await expectNothingEnded();
  });

  test('no room for another connection', async () => {
    await pair.target.query(`ALTER ROLE ${role('target')} CONNECTION LIMIT 0`);
    await endSessions('target');
    const { services } = await pair.until('apply to find no room', ({ services }) =>
      services.some(
        ({ service, error }) => service === 'apply' && error?.message.includes('too many connections for role'),
      ),
    );
    expect(services.find(({ service }) => service === 'apply')).toMatchObject({
      state: 'retrying',
      error: { code: 'target-unreachable', remedy: expect.stringContaining("the role's connection limit") },
    });
    await pair.target.query(`ALTER ROLE ${role('target')} CONNECTION LIMIT -1`);
    await expectNothingEnded();
  });

  async function waitsForLock(): Promise<boolean> {
    // Within a transaction the server shows what it showed first.
    await pair.target.query('SELECT pg_stat_clear_snapshot()');
    const { rowCount } = await pair.target.query(
      `SELECT FROM pg_stat_activity WHERE usename = $1 AND wait_event_type = 'Lock'`,
      [`${pair.name}_target`],
    );
    return rowCount! > 0;
  }
});
