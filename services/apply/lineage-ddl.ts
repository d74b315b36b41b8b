import { LINEAGE_KEY, LINEAGE_SOURCE } from '../../core/mapping.js';
import { displayName, type QualifiedName } from '../../core/relation.js';
import {
  HIDDEN,
  type LineageEvent,
  type LineagePlan,
  LineageSql,
  NEW_ROWS,
  OLD_ROWS,
  unlessFollowing,
} from '../../platform/lineage-sql.js';
import { candidateTable, fitted } from '../../platform/lineage-table.js';
import { quoteIdentifier, quoteLiteral, quoteName } from '../../platform/postgres.js';

/** A column of the target that takes values, as its catalog has it; the candidates get the same. */
export interface DeclaredTargetColumn {
  readonly name: string;
  /** As SQL, with its modifier. */
  readonly type: string;
  /** As SQL; null where it has none. */
  readonly default: string | null;
}

/**
 * Statements that give a target table its candidates: a partition for each source table, which apply writes as it would
 * write the target table, and triggers that let the target follow in the same statement. They fire whatever the session's
 * replication role. Run again they change nothing.
 * @param has the candidates' columns as they are, by name the type; empty before the first time.
 */
export function lineageDdl(
  plan: LineagePlan,
  columns: readonly DeclaredTargetColumn[],
  has: ReadonlyMap<string, string>,
): string[] {
  const all = quoteName(plan.candidates);
  return [
    `CREATE TABLE IF NOT EXISTS ${all} (${LINEAGE_SOURCE} text COLLATE "C" NOT NULL, ${LINEAGE_KEY} text COLLATE "C" NOT NULL)
       PARTITION BY LIST (${LINEAGE_SOURCE})`,
    `ALTER TABLE ${all} ADD COLUMN IF NOT EXISTS ${HIDDEN} boolean NOT NULL DEFAULT false`,
    ...columns.flatMap((column) => columnDdl(all, column, has.get(column.name))),
    keepFunction(plan),
    ...plan.sources.flatMap((source) => partitionDdl(plan, source)),
    ...uniqueDdl(plan),
  ];
}

function columnDdl(
  table: string,
  { name, type, default: value }: DeclaredTargetColumn,
  is: string | undefined,
): string[] {
  const column = quoteIdentifier(name);
  if (is === undefined) {
    return [`ALTER TABLE ${table} ADD COLUMN ${column} ${type}${value === null ? '' : ` DEFAULT ${value}`}`];
  }
  return is === type ? [] : [`ALTER TABLE ${table} ALTER COLUMN ${column} TYPE ${type}`];
}

function partitionDdl({ candidates, target }: LineagePlan, source: string): string[] {
  const name = candidateTable(target, source);
  const table = quoteName(name);
  const value = quoteLiteral(source);
  const key = quoteIdentifier(fitted(`${name.table} key`));
  const rows: Readonly<Record<string, string>> = {
    INSERT: `REFERENCING NEW TABLE AS ${NEW_ROWS}`,
    UPDATE: `REFERENCING OLD TABLE AS ${OLD_ROWS} NEW TABLE AS ${NEW_ROWS}`,
    DELETE: `REFERENCING OLD TABLE AS ${OLD_ROWS}`,
    TRUNCATE: '',
  };
  return [
    `CREATE TABLE IF NOT EXISTS ${table} PARTITION OF ${quoteName(candidates)} FOR VALUES IN (${value})`,
    `ALTER TABLE ${table} ALTER COLUMN ${LINEAGE_SOURCE} SET DEFAULT ${value}`,
    `CREATE UNIQUE INDEX IF NOT EXISTS ${key} ON ${table} (${LINEAGE_KEY})`,
    // A way back takes the candidates for the rows of its source.
    `ALTER TABLE ${table} REPLICA IDENTITY USING INDEX ${key}`,
    ...Object.entries(rows).flatMap(([event, referencing]) => {
      const trigger = `ferry_${event.toLowerCase()}`;
      return [
        `CREATE OR REPLACE TRIGGER ${trigger} AFTER ${event} ON ${table} ${referencing}
           FOR EACH STATEMENT ${unlessFollowing(target).when} EXECUTE FUNCTION ${functionName(candidates)}()`,
        `ALTER TABLE ${table} ENABLE ALWAYS TRIGGER ${trigger}`,
      ];
    }),
  ];
}

/** Statements as text are planned anew each time: a plan of when the candidates were few would be kept for a session. */
function keepFunction(plan: LineagePlan): string {
  const sql = new LineageSql(plan);
  const branch = (event: LineageEvent) =>
    `EXECUTE ${quoteLiteral(sql.removal(event))}; EXECUTE ${quoteLiteral(sql.arrival(event))} INTO strangers;`;
  const message = `rows of the key of others came to ${displayName(plan.target)}, which are not one with them`;
  const body = `
DECLARE strangers bigint;
BEGIN
  IF TG_OP = 'INSERT' THEN ${branch('INSERT')}
  ELSIF TG_OP = 'UPDATE' THEN ${branch('UPDATE')}
  ELSIF TG_OP = 'DELETE' THEN ${branch('DELETE')}
  ELSE ${branch('all')}
  END IF;
  IF strangers > 0 THEN
    RAISE EXCEPTION USING ERRCODE = 'unique_violation', MESSAGE = ${quoteLiteral(message)};
  END IF;
  RETURN NULL;
END`;
  return `CREATE OR REPLACE FUNCTION ${functionName(plan.candidates)}() RETURNS trigger LANGUAGE plpgsql
    SET search_path = '' ${unlessFollowing(plan.target).set} AS ${quoteLiteral(body)}`;
}

const functionName = ({ schema, table }: QualifiedName) => quoteName({ schema, table: fitted(`keep ${table}`) });

/** Candidates are found by what they are one in. */
function uniqueDdl({ candidates, unique }: LineagePlan): string[] {
  if (unique.length === 0) return [];
  const name = quoteIdentifier(fitted(`${candidates.table} (${unique.join(', ')})`));
  return [`CREATE INDEX IF NOT EXISTS ${name} ON ${quoteName(candidates)} (${unique.map(quoteIdentifier).join(', ')})`];
}
