import type { ClientBase } from 'pg';
import { sourceObjectName } from '../../../core/topics.js';
import { fenceName } from '../cutover/fence-function.js';
import { followTriggers } from '../cutover/follow-ddl.js';

/** Something that a pipeline has made and that is not to stay. */
export interface Remain {
  readonly kind: 'slot' | 'publication' | 'fence trigger' | 'lineage trigger' | 'fence' | 'schema';
  /** As people read it; a trigger is named by its table. */
  readonly name: string;
  /** Takes it away; waits for locks as long as the session says. */
  readonly sql: string;
}

/**
 * What is left of a pipeline on its source, in the order in which it can be taken away. A publication of its name that
 * somebody made beforehand is one of it. The schema `ferry` counts once nothing else is in it.
 */
export async function findRemains(source: ClientBase, pipeline: string): Promise<Remain[]> {
  const name = sourceObjectName(pipeline);
  const { rows } = await source.query<Remain>(
    `SELECT * FROM (
       SELECT 1 AS place, 'slot' AS kind, slot_name::text AS name,
              pg_catalog.format('SELECT pg_catalog.pg_drop_replication_slot(%L)', slot_name) AS sql
         FROM pg_catalog.pg_replication_slots WHERE slot_name = $1
       UNION ALL
       SELECT 2, 'publication', pubname, pg_catalog.format('DROP PUBLICATION %I', pubname)
         FROM pg_catalog.pg_publication WHERE pubname = $1
       UNION ALL
       SELECT 3, 'fence trigger', pg_catalog.format('%I.%I', n.nspname, c.relname),
              pg_catalog.format('DROP TRIGGER %I ON %I.%I', g.tgname, n.nspname, c.relname)
         FROM pg_catalog.pg_trigger g
         JOIN pg_catalog.pg_class c ON c.oid = g.tgrelid
         JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE g.tgname = $2 AND NOT g.tgisinternal AND g.tgparentid = 0
       UNION ALL
       SELECT 3, 'lineage trigger', pg_catalog.format('%I.%I', n.nspname, c.relname),
              pg_catalog.format('DROP TRIGGER %I ON %I.%I', g.tgname, n.nspname, c.relname)
         FROM pg_catalog.pg_trigger g
         JOIN pg_catalog.pg_class c ON c.oid = g.tgrelid
         JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE g.tgname = ANY ($4) AND NOT g.tgisinternal AND g.tgparentid = 0
       UNION ALL
       SELECT 4, 'fence', pg_catalog.format('%I.%I', n.nspname, p.proname), $3
         FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
        WHERE n.nspname = 'ferry' AND p.proname = $2
       UNION ALL
       SELECT 5, 'schema', n.nspname, 'DROP SCHEMA ferry'
         FROM pg_catalog.pg_namespace n
        WHERE n.nspname = 'ferry'
          AND NOT EXISTS (SELECT FROM pg_catalog.pg_class WHERE relnamespace = n.oid)
          AND NOT EXISTS (SELECT FROM pg_catalog.pg_proc WHERE pronamespace = n.oid AND proname <> $2)
     ) remains ORDER BY place, name`,
    [name, `${name}_fence`, `DROP FUNCTION ferry.${fenceName(pipeline)}()`, followTriggers(pipeline)],
  );
  return rows.map(({ kind, name: what, sql }) => ({ kind, name: what, sql }));
}

/**
 * What is left of a way back in the old project, where its apply wrote: the schema `ferry`, unless another pipeline
 * writes there, too.
 */
export async function findRecordRemains(source: ClientBase, wayBack: string): Promise<Remain[]> {
  const { rows: there } = await source.query<{ table: string }>(
    'SELECT name AS table FROM unnest($1::text[]) name WHERE pg_catalog.to_regclass(name) IS NOT NULL',
    [RECORDS],
  );
  if (there.length === 0) return [];
  for (const { table } of there) {
    const { rows } = await source.query(`SELECT FROM ${table} WHERE pipeline <> $1 LIMIT 1`, [wayBack]);
    if (rows.length > 0) return [];
  }
  return [{ kind: 'schema', name: 'ferry', sql: 'DROP SCHEMA ferry CASCADE' }];
}

/** What a pipeline that writes into a database leaves there, whatever it has done last. */
const RECORDS = ['ferry.checkpoint', 'ferry.cutover', 'ferry.act', 'ferry.conflict'];
