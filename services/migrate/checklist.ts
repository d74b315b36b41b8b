import { statfs } from 'node:fs/promises';
import type pg from 'pg';
import { FerryError } from '../../core/errors.js';
import { readHistory } from './adapters/history.js';
import { readMissingExtensions } from './adapters/read-inventory.js';
import type { Layout } from './layout.js';
import { chosenOf } from './migrate.js';
import type { Migration, MigrationSet } from './migration-set.js';
import { planMigrations } from './plan.js';
import { environmentsOf } from './record.js';
import { readRecord } from './record-file.js';
import { type ReadyMigration, readyMigration } from './run-migration.js';
import { readScript } from './script.js';
import { hasTest } from './smoke-test.js';
import { readUndoing } from './undo/read-undoing.js';

/** One line of a checklist; `manual` is for people alone. */
export interface ChecklistItem {
  readonly name: string;
  readonly state: 'done' | 'open' | 'manual';
  readonly detail?: string;
}

export interface ChecklistOptions {
  readonly layout: Layout;
  /** Version, file or release of the last one. */
  readonly to: string | undefined;
  readonly environment: string;
  /** Whether snapshots can be taken: throws otherwise. */
  readonly findDumper: () => Promise<unknown>;
}

/** Goes through what should be so before pending migrations are run; changes nothing. */
export async function checklist(
  session: pg.Client,
  set: MigrationSet,
  options: ChecklistOptions,
): Promise<ChecklistItem[]> {
  const { layout, environment } = options;
  const plan = planMigrations(set, await readHistory(session));
  const pending = chosenOf(plan, set, options);
  const { ready, unread } = await readAll(pending);
  const record = await readRecord(layout);
  const untried = pending.filter(({ file }) => environmentsOf(record, file).every((one) => one === environment));
  const releases = [...new Set(pending.flatMap(({ release }) => release ?? []))];
  const { extensions, schemas } = namesIn(ready);
  return [
    item(
      'files and history fit',
      plan.problems.map(({ message }) => message),
    ),
    item('every pending file can be read', unread),
    item(
      'tried in another environment',
      untried.map(({ file }) => file),
    ),
    item('a way back is written, and reviewed', await withoutWayBack(layout, pending)),
    item(
      'a smoke test is written for each release',
      releases.filter((release) => !hasTest(layout, release)),
    ),
    item('extensions are available on the server', await readMissingExtensions(session, extensions)),
    item('pg_dump for the snapshots fits the server', await failureOf(options.findDumper)),
    item('there is room for the snapshots', await withoutRoom(layout)),
    ...PEOPLE.map((name) => ({ name, state: 'manual' as const })),
    ...(schemas.length > 0 ? [{ name: EXPOSED, state: 'manual' as const, detail: schemas.join(', ') }] : []),
  ];
}

/** What no program can see. */
const PEOPLE = [
  'what the release is for was tried by hand in the other environment',
  'the team knows when',
  'somebody watches errors and latency meanwhile',
];
const EXPOSED = 'new schemas are exposed where applications come through PostgREST, and it has been told to reload';

function item(name: string, open: readonly string[]): ChecklistItem {
  return open.length === 0 ? { name, state: 'done' } : { name, state: 'open', detail: open.join(', ') };
}

async function readAll(pending: readonly Migration[]): Promise<{ ready: ReadyMigration[]; unread: string[] }> {
  const [ready, unread]: [ReadyMigration[], string[]] = [[], []];
  for (const migration of pending) {
    try {
      ready.push(readyMigration(migration, await readScript(migration.file, migration.text)));
    } catch (error) {
      unread.push(messageOf(error));
    }
  }
  return { ready, unread };
}

async function withoutWayBack(layout: Layout, pending: readonly Migration[]): Promise<string[]> {
  const found: string[] = [];
  for (const migration of pending) {
    const failed = await failureOf(() => readUndoing(layout, migration));
    if (failed.length > 0) found.push(migration.file);
  }
  return found;
}

/** What a schema takes before and after many migrations, and much more. */
const ROOM_BYTES = 256 * 2 ** 20;

async function withoutRoom({ migrations }: Layout): Promise<string[]> {
  const { bavail, bsize } = await statfs(migrations);
  const free = bavail * bsize;
  return free >= ROOM_BYTES ? [] : [`${Math.round(free / 2 ** 20)} MB are free in ${migrations}`];
}

/** @returns nothing when it works. */
async function failureOf(work: () => Promise<unknown>): Promise<string[]> {
  try {
    await work();
    return [];
  } catch (error) {
    return [messageOf(error)];
  }
}

function messageOf(error: unknown): string {
  if (!(error instanceof FerryError)) throw error;
  return error.message;
}

/** Extensions and schemas that the files make. */
function namesIn(ready: readonly ReadyMigration[]): { extensions: string[]; schemas: string[] } {
  const statements = ready.flatMap(({ script }) => script.parts.flatMap((part) => part.statements));
  const named = (kind: string, field: string) =>
    statements.filter((one) => one.kind === kind).flatMap(({ node }) => (node[field] as string | undefined) ?? []);
  return {
    extensions: named('CreateExtensionStmt', 'extname'),
    schemas: [...new Set(named('CreateSchemaStmt', 'schemaname'))].sort(),
  };
}
