import type { Client } from 'pg';
import type { Lsn } from '../core/lsn.js';
import { routeName } from '../core/mapping.js';
import { readCopiedSources, readStoppedTables } from '../platform/control-schema.js';
import { connect } from '../platform/postgres.js';
import type { PipelineStatus } from '../services/control/status/pipeline-status.js';
import { emitMarker } from '../test/support/applied.js';
import { runFerry } from '../test/support/cli.js';
import { eventually } from '../test/support/eventually.js';
import { tableDifferences } from '../test/support/table-differences.js';
import { repeatedEvents } from './log-audit.js';
import { settleLetters } from './settle-letters.js';
import { REFUSES_NO_MORE_SQL } from './special-tables.js';
import { untilApplied } from './until-applied.js';
import { whileItMoves } from './while-it-moves.js';
import type { World } from './world.js';

/**
 * Compares source and target by SQL of its own once all is applied, then a second target that is filled from the log
 * alone.
 * @returns what is wrong; nothing when all is well.
 */
export async function judge(world: World): Promise<string[]> {
  const [source, target] = [await world.connect('source'), await world.connect('target')];
  try {
    await target.query(REFUSES_NO_MORE_SQL);
    const end = await emitMarker(source);
    await untilApplied(world, target, end);
    return [
      ...(await standingTables(world, target)),
      ...(await settleLetters(world)),
      ...(await unevenLedger(world)),
      ...(await repeatedEvents(world)),
      ...(await differences(world, source, target)),
      ...(await rebuilt(world, source, end)),
    ];
  } finally {
    await Promise.all([source.end(), target.end()]);
  }
}

/** Tables that have not caught up with the others. */
async function standingTables({ config }: World, target: Client): Promise<string[]> {
  const standing = () => readStoppedTables(target, config.name);
  await eventually(async () => (await standing()).length === 0, { what: 'tables to catch up' }).catch(() => {});
  return (await standing()).map(({ source, state, reason }) => `${source} is ${state}: ${reason?.message ?? ''}`);
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

/** Waits until every table is copied: what comes then is the whole of it. */
export async function untilCopied(world: World): Promise<void> {
  const { name, tables, log } = world.config;
  const target = await world.connect('target');
  try {
    await whileItMoves(
      async () => {
        const copied = await readCopiedSources(target, name, log.partitions);
        // Most of the copy: it is read a few rows at a time.
        const { rows } = await target.query<{ n: string }>('SELECT count(*) AS n FROM slow.walked');
        return { at: BigInt(copied.size) + BigInt(rows[0]!.n), isDone: copied.size === tables.length };
      },
      async () => {
        const copied = await readCopiedSources(target, name, log.partitions);
        const waiting = tables.map(routeName).filter((source) => !copied.has(source));
        return new Error(`the copy stands; not copied: ${waiting.join(', ')}`);
      },
    );
  } finally {
    await target.end();
  }
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
  await world.prepareTarget(direct.href, { refuses: false });
  // One group shares its partitions, and here they are all wanted.
  await world.services.find(({ service }) => service === 'apply')!.kill();
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
