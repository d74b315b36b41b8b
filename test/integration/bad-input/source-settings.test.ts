import { afterEach, describe, expect, test } from 'vitest';
import type { Finding } from '../../../services/control/preflight/finding.js';
import { eventually } from '../../support/eventually.js';
import { MovingPair } from '../../support/moving-pair.js';
import { type OwnServer, ownServer } from '../../support/own-server.js';

describe('a source that is set up wrongly', () => {
  let server: OwnServer | undefined;
  let pair: MovingPair | undefined;

  afterEach(async () => {
    await pair?.close();
    await server?.stop();
    pair = undefined;
    server = undefined;
  });

  async function open(flags: Readonly<Record<string, string>>): Promise<MovingPair> {
    server = await ownServer(flags);
    pair = await MovingPair.configured({ servers: { sourceServer: server.url, targetServer: server.url } });
    return pair;
  }

  test('wal_level replica: check and capture say how it is changed', async () => {
    const opened = await open({ wal_level: 'replica' });
    const check = await opened.run('check', '--json');
    expect(check.code).toBe(3);
    expect(check.json<{ findings: Finding[] }>().findings).toContainEqual(
      expect.objectContaining({ check: 'wal-level', level: 'error', side: 'source' }),
    );
    const { code, stderr } = await opened.run('capture');
    expect(code).toBe(1);
    expect(stderr).toContain(
      "error: the source's wal_level is replica, not logical\n" +
        "  next: Set wal_level = logical on the source and restart it: ALTER SYSTEM SET wal_level = 'logical'.\n",
    );
  });

  test('WAL that the slot needs is removed: refused, with what is left to do', async () => {
    const opened = await open({ max_slot_wal_keep_size: '1MB', min_wal_size: '32MB', max_wal_size: '64MB' });
    await (await opened.up()).stop();
    await eventually(
      async () => {
        await opened.source.query(
          "SELECT pg_logical_emit_message(false, 'fill', repeat('x', 8000000)); SELECT pg_switch_wal()",
        );
        await opened.source.query('CHECKPOINT');
        const { rows } = await opened.source.query(
          "SELECT FROM pg_replication_slots WHERE slot_name = $1 AND wal_status = 'lost'",
          [opened.slot],
        );
        return rows.length > 0;
      },
      { what: 'the server to remove WAL' },
    );
    const { code, stderr } = await opened.run('capture');
    expect(code).toBe(1);
    expect(stderr).toContain(`error: the server has removed WAL that the replication slot ${opened.slot} needs\n`);
    expect(stderr).toContain('next: Stop all services, run `ferry resync` and `ferry up`');
  });
});
