import type { ClientBase } from 'pg';
import { FerryError } from '../../../core/errors.js';
import { quoteIdentifier } from '../../../platform/postgres.js';
import type { Migration } from '../migration-set.js';
import type { History } from '../plan.js';

/** Who runs migrations, and where. */
export interface Operator {
  readonly name: string;
  /** staging, production ... */
  readonly environment: string;
}

export type EventKind =
  | 'started'
  | 'applied'
  | 'failed'
  /** The script that undoes it was begun, and runs without a transaction. */
  | 'rolling-back'
  | 'rolled-back'
  | 'repaired-applied'
  | 'repaired-pending';

export interface MigrationEvent {
  readonly kind: EventKind;
  readonly migration: Pick<Migration, 'version' | 'file' | 'checksum' | 'isTransactional'>;
  readonly durationMs?: number;
  /** Of a file that runs without a transaction. */
  readonly statementsDone?: number;
  /** An error's message, a reason. */
  readonly detail?: string;
}

/** An event as it was stored. */
export interface StoredEvent {
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly event: EventKind;
  readonly version: string;
  readonly file: string;
  readonly durationMs: number | null;
  readonly environment: string;
  readonly operator: string;
  readonly role: string;
  readonly detail: string | null;
}

/**
 * Makes what keeps the history, beside what is there: `schema_migrations` may be another program's, of which the
 * column `version` is all that is needed.
 * @throws FerryError `target-unfit` when that column is no text.
 */
export async function ensureHistory(session: ClientBase): Promise<void> {
  const { rows } = await session.query<{ type: string | null }>(
    `SELECT (SELECT pg_catalog.format_type(a.atttypid, NULL) FROM pg_catalog.pg_attribute a
       WHERE a.attrelid = c.oid AND a.attname = 'version' AND NOT a.attisdropped) AS type
     FROM pg_catalog.pg_class c WHERE c.oid = pg_catalog.to_regclass('public.schema_migrations')`,
  );
  const [found] = rows;
  if (found && !['text', 'character varying'].includes(found.type ?? '')) {
    throw new FerryError('target-unfit', `public.schema_migrations has no column version of type text`, {
      remedy: 'It is that of another program: rename it, or make its column version text.',
    });
  }
  await session.query(found ? COLUMNS : `${TABLE}; ${COLUMNS}`);
  await session.query(LOG);
}

/** Others than the owner see no row of it: PostgREST would serve it to everybody otherwise. */
const TABLE = `CREATE TABLE public.schema_migrations (version text PRIMARY KEY, description text, applied_at timestamptz DEFAULT now());
  ALTER TABLE public.schema_migrations ENABLE ROW LEVEL SECURITY`;

const COLUMNS = `ALTER TABLE public.schema_migrations
  ADD COLUMN IF NOT EXISTS description text, ADD COLUMN IF NOT EXISTS applied_at timestamptz,
  ADD COLUMN IF NOT EXISTS file text, ADD COLUMN IF NOT EXISTS release text, ADD COLUMN IF NOT EXISTS checksum text,
  ADD COLUMN IF NOT EXISTS duration_ms bigint, ADD COLUMN IF NOT EXISTS environment text, ADD COLUMN IF NOT EXISTS operator text`;

const LOG = `DO $$ BEGIN IF pg_catalog.to_regclass('public.schema_migrations_log') IS NULL THEN
  CREATE TABLE public.schema_migrations_log (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    event text NOT NULL, version text NOT NULL, file text NOT NULL, checksum text, transactional boolean NOT NULL,
    statements_done integer NOT NULL DEFAULT 0, duration_ms bigint,
    environment text NOT NULL, operator text NOT NULL, role text NOT NULL DEFAULT session_user, detail text);
  ALTER TABLE public.schema_migrations_log ENABLE ROW LEVEL SECURITY;
END IF; END $$`;

/** Why the session's role could not make the history, or write into it; undefined where it could. */
export async function whyNoHistory(session: ClientBase): Promise<{ message: string; remedy: string } | undefined> {
  const { rows } = await session.query<{ role: string; mayMake: string; owns: string | null }>(
    `SELECT current_user AS role, pg_catalog.has_schema_privilege('public', 'CREATE') AS "mayMake",
       (SELECT pg_catalog.pg_has_role(c.relowner, 'USAGE') FROM pg_catalog.pg_class c
        WHERE c.oid = pg_catalog.to_regclass('public.schema_migrations')) AS owns`,
  );
  const { role, mayMake, owns } = rows[0]!;
  if ((owns ?? mayMake) === 't') return undefined;
  return owns === null
    ? {
        message: `${role} may not create public.schema_migrations, which keeps the history of migrations`,
        remedy: `GRANT CREATE ON SCHEMA public TO ${quoteIdentifier(role)};`,
      }
    : {
        message: `${role} is not the owner of public.schema_migrations, which keeps the history of migrations`,
        remedy: 'Run it as the owner of that table.',
      };
}

async function hasTable(session: ClientBase, table: string): Promise<boolean> {
  const { rows } = await session.query('SELECT WHERE pg_catalog.to_regclass($1) IS NOT NULL', [table]);
  return rows.length > 0;
}

/** Changes nothing, and works before {@link ensureHistory}, too. */
export async function readHistory(session: ClientBase): Promise<History> {
  const hasRows = await hasTable(session, 'public.schema_migrations');
  const hasLog = await hasTable(session, 'public.schema_migrations_log');
  // Another program's table has none of our columns: by way of JSON they are null then.
  const run = hasLog
    ? "(SELECT max(l.id) FROM public.schema_migrations_log l WHERE l.version = m.version AND l.event = 'applied')"
    : 'NULL';
  const { rows: applied } = hasRows
    ? await session.query<{ version: string; file: string | null; checksum: string | null; run: string | null }>(
        `SELECT version, pg_catalog.to_jsonb(m) ->> 'file' AS file, pg_catalog.to_jsonb(m) ->> 'checksum' AS checksum,
           ${run} AS run
         FROM public.schema_migrations m ORDER BY version`,
      )
    : { rows: [] };
  const { rows: open } = hasLog
    ? await session.query<{ version: string; file: string; event: EventKind; transactional: string; done: string }>(
        `SELECT version, file, event, transactional, statements_done AS done FROM (
           SELECT DISTINCT ON (version) * FROM public.schema_migrations_log ORDER BY version, id DESC) last
         WHERE event IN ('started', 'rolling-back') OR event = 'failed' AND statements_done > 0 ORDER BY version`,
      )
    : { rows: [] };
  return {
    applied: applied.map((row) => ({ ...row, run: row.run === null ? null : Number(row.run) })),
    open: open.map(({ version, file, event, transactional, done }) => {
      const isUndoing = event === 'rolling-back';
      return { version, file, isTransactional: transactional === 't', statementsDone: Number(done), isUndoing };
    }),
  };
}

/** @returns the event's id. */
export async function recordEvent(session: ClientBase, operator: Operator, event: MigrationEvent): Promise<string> {
  const { migration, kind, durationMs, statementsDone = 0, detail } = event;
  const { rows } = await session.query<{ id: string }>(
    `INSERT INTO public.schema_migrations_log
       (event, version, file, checksum, transactional, statements_done, duration_ms, environment, operator, detail)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING id`,
    [
      kind,
      migration.version,
      migration.file,
      migration.checksum,
      migration.isTransactional,
      statementsDone,
      durationMs,
      operator.environment,
      operator.name,
      detail,
    ],
  );
  return rows[0]!.id;
}

/** How far a file is that runs without a transaction. */
export async function recordProgress(session: ClientBase, id: string, statementsDone: number): Promise<void> {
  await session.query('UPDATE public.schema_migrations_log SET statements_done = $2 WHERE id = $1', [
    id,
    statementsDone,
  ]);
}

/** The version counts as applied from the end of the session's transaction on; the file may have said so itself. */
export async function recordApplied(
  session: ClientBase,
  operator: Operator,
  migration: Migration,
  durationMs: number | undefined,
): Promise<void> {
  const { version, description, file, release, checksum } = migration;
  const values = [version, description, file, release, checksum, durationMs, operator.environment, operator.name];
  const { rowCount } = await session.query(
    `UPDATE public.schema_migrations SET description = coalesce(description, $2), applied_at = now(), file = $3,
       release = $4, checksum = $5, duration_ms = $6, environment = $7, operator = $8 WHERE version = $1`,
    values,
  );
  if (rowCount === 0) {
    await session.query(
      `INSERT INTO public.schema_migrations
         (version, description, applied_at, file, release, checksum, duration_ms, environment, operator)
       VALUES ($1, $2, now(), $3, $4, $5, $6, $7, $8)`,
      values,
    );
  }
}

/** The version counts as not applied from the end of the session's transaction on; the script that undid it may have said so. */
export async function forgetApplied(session: ClientBase, version: string): Promise<void> {
  await session.query('DELETE FROM public.schema_migrations WHERE version = $1', [version]);
}

/** @param limit newest first. */
export async function readEvents(session: ClientBase, limit: number): Promise<StoredEvent[]> {
  if (!(await hasTable(session, 'public.schema_migrations_log'))) return [];
  const { rows } = await session.query<Record<keyof StoredEvent, string>>(
    `SELECT pg_catalog.to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS at, event, version, file,
       duration_ms AS "durationMs", environment, operator, role, detail
     FROM public.schema_migrations_log ORDER BY id DESC LIMIT $1`,
    [limit],
  );
  return rows.map((row) => ({
    ...row,
    event: row.event as EventKind,
    durationMs: row.durationMs === null ? null : Number(row.durationMs),
  }));
}
