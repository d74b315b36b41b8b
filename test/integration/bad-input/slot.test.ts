import { afterEach, beforeEach, expect, test } from 'vitest';
import { openReplicationStream } from '../../../services/capture/adapters/replication-stream.js';
import { eventually } from '../../support/eventually.js';
import { MovingPair } from '../../support/moving-pair.js';
import { describeWithPostgres, testServers } from '../../support/servers.js';

describeWithPostgres('a replication slot that is not ours to read', () => {
  let pair: MovingPair;

  beforeEach(async () => {
    pair = await MovingPair.configured({ servers: testServers() });
    await (await pair.up()).stop();
  });

  afterEach(async () => {
    await pair?.close();
  });

  const dropSlot = () =>
    eventually(() => pair.source.query('SELECT pg_drop_replication_slot($1)', [pair.slot]).then(() => true), {
      what: 'the slot to be free',
    });

  test('taken by another reader: said, tried again, and read on once it is free', async () => {
    const thief = await openReplicationStream(
      { url: pair.databases.source.url, slot: pair.slot, publication: pair.slot },
      () => {},
    );
    try {
      await eventually(
        async () => {
          const sql = 'SELECT active FROM pg_replication_slots WHERE slot_name = $1';
          return (await pair.source.query<{ active: string }>(sql, [pair.slot])).rows[0]!.active === 't';
        },
        { what: 'the slot to be taken' },
      );
      pair.start('up');
      await pair.change();
      const { state, error } = await pair.untilError('capture', 'slot-active');
      expect(state).toBe('retrying');
      expect(error!.message).toMatch(new RegExp(`replication slot ${pair.slot} .* is active for PID \\d+`));
      expect(error!.remedy).toContain('End the other process that reads the slot');
    } finally {
      await thief[Symbol.asyncDispose]();
    }
    await pair.untilStreaming();
    await pair.expectEqual();
  });

  test('dropped while nothing ran: refused, since what happened meanwhile is gone', async () => {
    await dropSlot();
    await pair.change();
    const { code, stderr } = await pair.run('capture');
    expect(code).toBe(1);
    expect(stderr).toMatch(
      new RegExp(`error: the replication slot ${pair.slot} is gone, but the log ends at [0-9A-F/]+\n`),
    );
    expect(stderr).toContain('next: Stop all services, run `ferry resync` and `ferry up`');
    const { services } = await pair.status();
    expect(services.find((service) => service.service === 'capture')).toMatchObject({
      state: 'halted',
      error: { code: 'slot-lost' },
    });
  });

  test('dropped and made again: refused, since it begins behind a hole', async () => {
    await dropSlot();
    await pair.change();
    await pair.source.query("SELECT pg_create_logical_replication_slot($1, 'pgoutput')", [pair.slot]);
    const { code, stderr } = await pair.run('capture');
    expect(code).toBe(1);
    expect(stderr).toMatch(
      new RegExp(`error: the replication slot ${pair.slot} starts at [0-9A-F/]+, but the log ends at [0-9A-F/]+`),
    );
  });

  test('of another plugin: refused by name, with what to do', async () => {
    await dropSlot();
    await pair.source.query("SELECT pg_create_logical_replication_slot($1, 'test_decoding')", [pair.slot]);
    const { code, stderr } = await pair.run('capture');
    expect(code).toBe(1);
    expect(stderr).toContain(`the replication slot ${pair.slot} belongs to the database ${pair.databases.source.name}`);
    expect(stderr).toContain('next: Drop the slot if nobody needs it, or give the pipeline another name.');
  });
});
