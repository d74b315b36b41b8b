import type { ClientBase } from 'pg';
import type { QualifiedName } from '../../../../core/relation.js';
import { sourceObjectName } from '../../../../core/topics.js';
import { APPLIES } from '../../../../core/way-back.js';
import { quoteIdentifier, quoteLiteral, quoteName, type Side } from '../../../../platform/postgres.js';
import { withoutHolding } from '../../cutover/fence.js';
import type { SharedTable } from './shared-tables.js';

/** Where deletes are remembered, and by whose apply they are asked for. */
export interface TombstonePlace {
  readonly client: ClientBase;
  readonly side: Side;
  /** The pipeline that writes there. */
  readonly pipeline: string;
  readonly signal: AbortSignal;
}

const LOCK_MS = 250;

const TRIGGERS = ['deleted', 'rekeyed', 'emptied'] as const;

/** Remembers from now on which rows applications delete, and refuses TRUNCATE, of which no row would be remembered. */
export async function putUpTombstones(place: TombstonePlace, tables: readonly SharedTable[]): Promise<void> {
  const { client, pipeline } = place;
  await client.query(functionSql(pipeline));
  for (const table of tables) {
    await withoutHolding(client, triggersSql(pipeline, table), { ...place, table });
  }
  await guardPartitions(place);
}

/**
 * Refuses TRUNCATE of partitions that have come since, too: of the triggers of rows each partition has one, but a TRUNCATE that
 * names it fires none of the root's. Outside of the mode there is nothing to guard.
 * @param lockMs how long an attempt waits for a partition's writers.
 */
export async function guardPartitions(place: TombstonePlace, lockMs = LOCK_MS): Promise<void> {
  const { client, pipeline } = place;
  const { rows } = await client.query<QualifiedName>(
    `SELECT DISTINCT n.nspname AS schema, c.relname AS table
       FROM pg_catalog.pg_trigger g
      CROSS JOIN LATERAL pg_catalog.pg_partition_tree(g.tgrelid) p
       JOIN pg_catalog.pg_class c ON c.oid = p.relid
       JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE g.tgname = $1 AND NOT EXISTS (SELECT FROM pg_catalog.pg_trigger e WHERE e.tgrelid = p.relid AND e.tgname = $1)
      ORDER BY 1, 2`,
    [`${sourceObjectName(pipeline)}_emptied`],
  );
  for (const table of rows) {
    await withoutHolding(client, locking(emptiedSql(pipeline, table), lockMs), { ...place, table });
  }
}

/** From every table that has them, mapped or not any more. Taken down before, they stay so. */
export async function takeDownTombstones(place: TombstonePlace): Promise<void> {
  const { client, pipeline } = place;
  const { rows: tables } = await client.query<QualifiedName>(
    `SELECT DISTINCT n.nspname AS schema, c.relname AS table
       FROM pg_catalog.pg_trigger g
       JOIN pg_catalog.pg_class c ON c.oid = g.tgrelid
       JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE g.tgfoid = pg_catalog.to_regproc($1) AND g.tgparentid = 0 ORDER BY 1, 2`,
    [`ferry.${functionName(pipeline)}`],
  );
  for (const table of tables) {
    const drops = TRIGGERS.map(
      (what) => `DROP TRIGGER IF EXISTS ${triggerName(pipeline, what)} ON ${quoteName(table)};`,
    );
    await withoutHolding(client, locking(drops.join(' ')), { ...place, table });
  }
  await client.query(`DROP FUNCTION IF EXISTS ferry.${functionName(pipeline)}()`);
}

/** Its rights are ours, and its texts those of apply's sessions, whoever deletes. */
function functionSql(pipeline: string): string {
  const name = quoteLiteral(pipeline);
  return `CREATE OR REPLACE FUNCTION ferry.${functionName(pipeline)}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = '' SET TimeZone = 'UTC' SET extra_float_digits = 3 AS $tombstone$
BEGIN
  IF pg_catalog.current_setting(${quoteLiteral(APPLIES)}, true) = ${name} THEN RETURN NULL; END IF;
  IF TG_OP = 'TRUNCATE' THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
      MESSAGE = pg_catalog.format('schemaferry: TRUNCATE of %s.%s is refused while both projects take writes', TG_TABLE_SCHEMA, TG_TABLE_NAME),
      HINT = 'Use DELETE, or end the rollout''s mode users first.';
  END IF;
  INSERT INTO ferry.tombstone (pipeline, table_name, key, xid)
  SELECT ${name}, TG_ARGV[0], pg_catalog.array_agg(pg_catalog.to_jsonb(OLD) ->> k.name ORDER BY k.n),
         pg_catalog.pg_current_xact_id()::xid::text::bigint
    FROM pg_catalog.unnest(TG_ARGV[1:]) WITH ORDINALITY k(name, n);
  RETURN NULL;
END $tombstone$`;
}

function triggersSql(pipeline: string, table: SharedTable): string {
  const on = quoteName(table);
  const call = `EXECUTE FUNCTION ferry.${functionName(pipeline)}(${[on, ...table.key].map(quoteLiteral).join(', ')})`;
  const changed = table.key.map(quoteIdentifier).map((column) => `OLD.${column} IS DISTINCT FROM NEW.${column}`);
  return locking(`${triggerSql(pipeline, 'deleted')} AFTER DELETE ON ${on} FOR EACH ROW ${call};
${triggerSql(pipeline, 'rekeyed')} AFTER UPDATE ON ${on} FOR EACH ROW WHEN (${changed.join(' OR ')}) ${call};
${emptiedSql(pipeline, table)}`);
}

function emptiedSql(pipeline: string, table: QualifiedName): string {
  const call = `EXECUTE FUNCTION ferry.${functionName(pipeline)}()`;
  return `${triggerSql(pipeline, 'emptied')} BEFORE TRUNCATE ON ${quoteName(table)} FOR EACH STATEMENT ${call};`;
}

function triggerSql(pipeline: string, what: (typeof TRIGGERS)[number]): string {
  return `CREATE OR REPLACE TRIGGER ${triggerName(pipeline, what)}`;
}

/** Statements that lock a table, waiting briefly. */
const locking = (sql: string, lockMs = LOCK_MS) => `BEGIN; SET LOCAL lock_timeout = ${lockMs}; ${sql} COMMIT`;

const functionName = (pipeline: string) => quoteIdentifier(`${sourceObjectName(pipeline)}_tombstone`);
const triggerName = (pipeline: string, what: string) => quoteIdentifier(`${sourceObjectName(pipeline)}_${what}`);
