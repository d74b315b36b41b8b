import type { Client } from 'pg';
import type { Lsn } from '../core/lsn.js';
import { readCopiedSources } from '../platform/control-schema.js';
import { connect } from '../platform/postgres.js';
import type { PipelineStatus } from '../services/control/status/pipeline-status.js';
import { appliedInAll, emitMarker } from '../test/support/applied.js';
import { runFerry } from '../test/support/cli.js';
import { eventually } from '../test/support/eventually.js';
import { tableDifferences } from '../test/support/table-differences.js';
import type { World } from './world.js';

/** What a pipeline may take to work off what has piled up. */
const CAUGHT_UP_MS = 180_000;

/**
 * Compares source and target by SQL of its own once all is applied, then a second target that is filled from the log
 * alone.
 * @param copiedAt the journal's last id when every table was copied.
 * @returns what is wrong; nothing when all is well.
 */
export async function judge(world: World, copiedAt: string): Promise<string[]> {
  const [source, target] = [await world.connect('source'), await world.connect('target')];
  try {
    const end = await emitMarker(source);
    await untilApplied(world, target, end);
    return [
      ...(await differences(world, source, target)),
      ...(await unevenWrites(source, target, copiedAt)),
      ...(await unevenLedger(world)),
      ...(await rebuilt(world, source, end)),
    ];
  } finally {
    await Promise.all([source.end(), target.end()]);
  }
}

async function untilApplied({ config }: World, target: Client, end: Lsn): Promise<void> {
  await eventually(async () => ((await appliedInAll(config, target)) ?? 0n) > end, {
    what: 'everything to be applied',
    timeoutMs: CAUGHT_UP_MS,
  });
}

async function differences(world: World, source: Client, target: Client, what = 'target'): Promise<string[]> {
  const found: string[] = [];
  for (const mapping of world.config.tables) {
    for (const { table, onlyIn, row } of await tableDifferences(source, target, mapping)) {
      found.push(`${table}: only in the ${onlyIn === 'target' ? what : onlyIn}: ${row}`);
    }
  }
  return found;
}

/**
 * A row of the journal is written once, however often it was sent. One that was inserted while the table was copied may
 * be written twice: the stream brought it, and then its chunk did.
 */
async function unevenWrites(source: Client, target: Client, afterId: string): Promise<string[]> {
  const { rows } = await source.query<{ n: string }>('SELECT count(*) AS n FROM public.journal WHERE id > $1', [
    afterId,
  ]);
  const writes = await target.query<{ n: string; rows: string }>(
    'SELECT n, count(*) AS rows FROM proof.writes WHERE id > $1 GROUP BY n ORDER BY n',
    [afterId],
  );
  const counted = writes.rows.map(({ n, rows: count }) => `${count} rows ${n} times`).join(', ');
  const expected = rows[0]!.n === '0' ? '' : `${rows[0]!.n} rows 1 times`;
  return counted === expected ? [] : [`writes to the target: ${counted}, not ${expected}`];
}

/** Resolves once every table is copied. @returns the journal's last id then. */
export async function journalWhenCopied(world: World): Promise<string> {
  const { name, tables, log } = world.config;
  const id = await eventually(
    async () => {
      const [source, target] = await Promise.all([world.connect('source'), world.connect('target')]);
      try {
        const copied = await readCopiedSources(target, name, log.partitions);
        if (copied.size < tables.length) return undefined;
        return (await source.query<{ id: string }>('SELECT max(id) AS id FROM public.journal')).rows[0]!.id;
      } finally {
        await Promise.all([source.end(), target.end()].map((end) => end.catch(() => {})));
      }
    },
    { what: 'every table to be copied', timeoutMs: CAUGHT_UP_MS },
  );
  return id;
}

async function unevenLedger({ config, env }: World): Promise<string[]> {
  const status = async () => (await runFerry(['status', '-c', config.directory, '--json'], env)).json<PipelineStatus>();
  try {
    // Services report each second.
    await eventually(async () => (await status()).ledger?.addsUp, { what: 'the ledger to add up' });
    return [];
  } catch {
    return [`the ledger does not add up: ${JSON.stringify((await status()).ledger)}`];
  }
}

async function rebuilt(world: World, source: Client, end: Lsn): Promise<string[]> {
  const server = await world.connect('target');
  await server.query('CREATE DATABASE rebuilt');
  await server.end();
  const [direct, through] = [new URL(world.target.server.url), new URL(world.config.target.url)];
  for (const url of [direct, through]) url.pathname = '/rebuilt';
  await world.prepareTarget(direct.href);
  const apply = world.service('apply', { ...world.env, TARGET_URL: through.href });
  const target = await connect('target', direct.href, { applicationName: 'chaos' });
  apply.start();
  try {
    await untilApplied(world, target, end);
    return await differences(world, source, target, 'rebuilt target');
  } finally {
    await target.end();
    await apply.kill();
  }
}
