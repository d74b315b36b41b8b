import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from 'pg';
import { readCopiedSources } from '../platform/control-schema.js';
import { quoteIdentifier } from '../platform/postgres.js';
import type { Random } from '../test/support/random.js';
import { Application } from './application.js';
import type { World } from './world.js';

const PAUSE_MS = [500, 4_000] as const;
const LOOK_EVERY_MS = 200;

/**
 * Changes the columns of `grows`, one change after the other: the next comes once the target has the one before, since
 * what the catalog tells no more, the table would stand at.
 */
export function changer(world: World, random: Random, changed: () => void): Application {
  let number = 0;
  return new Application(world, async (session, signal) => {
    await sleep(random.int(...PAUSE_MS), undefined, { signal });
    if (!(await isSettled(world, session).catch(() => false))) return sleep(LOOK_EVERY_MS);
    const columns = await columnsOf(session, 'public.grows');
    const change = random.pick(changesOf(columns, ++number));
    // With a row that brings it.
    await session.query(`BEGIN; ALTER TABLE public.grows ${change}; COMMIT`);
    await session.query(`INSERT INTO public.grows (id) VALUES (${1_000 + number})`);
    changed();
  });
}

function changesOf(columns: ReadonlyMap<string, string>, number: number): string[] {
  const added = [...columns.keys()].filter((name) => name.startsWith('added')).map(quoteIdentifier);
  const note = columns.get('note')!;
  const digits = Number(/\d+/.exec(note)?.[0]);
  const changes = [
    `ADD COLUMN "added ${number}" text`,
    `ADD COLUMN "added ${number}" int NOT NULL DEFAULT ${number}`,
    `ADD COLUMN "added ${number}" timestamptz DEFAULT '2026-03-29 00:59:59.999999+00'`,
    ...(note === 'text'
      ? []
      : [`ALTER note TYPE varchar(${digits + 5})`, ...(number > 8 ? ['ALTER note TYPE text'] : [])]),
    ...(columns.get('small') === 'integer' ? ['ALTER small TYPE bigint'] : []),
  ];
  const first = added[0];
  if (first === undefined) return changes;
  return [...changes, `RENAME ${first} TO "added again ${number}"`, `DROP COLUMN ${first}`];
}

async function isSettled(world: World, source: Client): Promise<boolean> {
  const target = await world.connect('target');
  try {
    const { name, log } = world.config;
    if (!(await readCopiedSources(target, name, log.partitions)).has('public.grows')) return false;
    const [there, here] = [await columnsOf(source, 'public.grows'), await columnsOf(target, 'slow.grows')];
    return there.size === here.size && [...there].every(([column, type]) => here.get(column) === type);
  } finally {
    await target.end().catch(() => {});
  }
}

/** Types by name. */
async function columnsOf(session: Client, table: string): Promise<Map<string, string>> {
  const { rows } = await session.query<{ name: string; type: string }>(
    `SELECT attname AS name, pg_catalog.format_type(atttypid, atttypmod) AS type FROM pg_catalog.pg_attribute
      WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped`,
    [table],
  );
  return new Map(rows.map(({ name, type }) => [name, type]));
}
