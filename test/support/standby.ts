import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { connect } from '../../platform/postgres.js';
import { type OwnServer, serverOn } from './own-server.js';

const run = promisify(execFile);

/**
 * Makes a hot standby of a server, from a copy of its files: it streams through a slot of its own and keeps the
 * primary's failover slots.
 */
export async function standbyOf(primary: OwnServer, slot: string): Promise<OwnServer> {
  const directory = await mkdtemp(join(tmpdir(), 'ferry-test-standby-'));
  const [from, to] = [join(primary.directory, 'data'), join(directory, 'data')];
  const session = await connect('source', primary.url, { applicationName: 'ferry-test' });
  try {
    await session.query('SELECT pg_catalog.pg_create_physical_replication_slot($1, true)', [slot]);
    await session.query("SELECT pg_catalog.pg_backup_start('standby', true)");
    await run('cp', ['-a', from, to]);
    const { rows } = await session.query<{ labelfile: string }>('SELECT labelfile FROM pg_catalog.pg_backup_stop()');
    await writeFile(join(to, 'backup_label'), rows[0]!.labelfile);
  } finally {
    await session.end();
  }
  await rm(join(to, 'postmaster.pid'));
  await run('sh', ['-c', `rm -rf "$0"/pg_replslot/*; touch "$0/standby.signal"`, to]);
  await run('cp', ['-a', join(primary.directory, 'password'), directory]);
  for (const path of [directory, join(to, 'backup_label'), join(to, 'standby.signal')]) {
    await run('chown', [`--reference=${from}`, path]);
  }
  const { hostname, port, username, password } = new URL(primary.url);
  return serverOn(directory, {
    primary_conninfo: `host=${hostname} port=${port} user=${username} password=${password} dbname=postgres`,
    primary_slot_name: slot,
    hot_standby_feedback: 'on',
    sync_replication_slots: 'on',
  });
}
