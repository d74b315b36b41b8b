import type { Following } from '../../../core/mapping/invert/lineage-back.js';
import { LINEAGE_KEY, LINEAGE_SOURCE } from '../../../core/mapping.js';
import { displayName, type QualifiedName } from '../../../core/relation.js';
import { sourceObjectName } from '../../../core/topics.js';
import { HIDDEN, type LineagePlan, LineageSql, unlessFollowing } from '../../../platform/lineage-sql.js';
import { candidateTable, fitted } from '../../../platform/lineage-table.js';
import { quoteIdentifier, quoteLiteral, quoteName, TEXT_SETTINGS } from '../../../platform/postgres.js';

/** Names of the triggers by which candidates follow their target table: of its rows, and of a TRUNCATE. */
export function followTriggers(pipeline: string): readonly [string, string] {
  const name = `${sourceObjectName(pipeline)}_follow`;
  return [name, `${name}_truncate`];
}

/** The indexes by which the candidate of a row is found, and those that step aside. */
export function followIndexes({ candidates, key }: LineagePlan): string[] {
  const index = (what: string) => quoteIdentifier(fitted(`${candidates.table} ${what}`));
  const columns = key.map(quoteIdentifier).join(', ');
  return [
    `CREATE INDEX IF NOT EXISTS ${index('row')} ON ${quoteName(candidates)} (${columns})`,
    `CREATE INDEX IF NOT EXISTS ${index('hidden')} ON ${quoteName(candidates)} (${LINEAGE_KEY}) WHERE ${HIDDEN}`,
  ];
}

/**
 * The function and the triggers by which candidates follow a target table that applications write, in their transactions: a
 * way back takes them for the rows of the old tables. Whoever is not seen any more steps aside, and none comes in its place,
 * until {@link standUp}. They fire whatever the session's replication role.
 * @param pipeline the way back.
 * @param followings one of each source table, the one that has precedence first.
 */
export function followDdl(pipeline: string, plan: LineagePlan, followings: readonly Following[]): string {
  const name = quoteName({ schema: plan.candidates.schema, table: fitted(`follow ${plan.candidates.table}`) });
  const { when, set } = unlessFollowing(plan.target);
  const settings = Object.entries(TEXT_SETTINGS).map(([key, value]) => `SET ${key} = ${quoteLiteral(value)}`);
  const target = quoteName(plan.target);
  const [ofRows, ofTruncate] = followTriggers(pipeline);
  const trigger = (called: string, fires: string) => `
CREATE OR REPLACE TRIGGER ${quoteIdentifier(called)} ${fires} ${when} EXECUTE FUNCTION ${name}();
ALTER TABLE ${target} ENABLE ALWAYS TRIGGER ${quoteIdentifier(called)};`;
  return `CREATE OR REPLACE FUNCTION ${name}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = '' ${set} ${settings.join(' ')} AS ${quoteLiteral(body(plan, followings))};
${trigger(ofRows, `AFTER INSERT OR UPDATE OR DELETE ON ${target} FOR EACH ROW`)}
${trigger(ofTruncate, `BEFORE TRUNCATE ON ${target} FOR EACH STATEMENT`)}`;
}

/**
 * Those that stepped aside stand with the others again, and the target follows by their triggers, which a statement that names
 * the table of all would not fire.
 * @param candidates of one source table.
 */
export function standUp(candidates: QualifiedName): string {
  return `UPDATE ${quoteName(candidates)} SET ${HIDDEN} = false WHERE ${HIDDEN}`;
}

const IDENTITY = [LINEAGE_SOURCE, LINEAGE_KEY];
/** A setting, for a transaction: of the row that was deleted last the table, the candidate's identity, and its own. */
const DELETED = 'ferry.lineage_deleted';

function body(plan: LineagePlan, followings: readonly Following[]): string {
  const sql = new LineageSql(plan);
  const all = quoteName(plan.candidates);
  const own = (row: string) =>
    `SELECT c.${LINEAGE_SOURCE}, c.${LINEAGE_KEY} FROM ${all} c WHERE ${sql.isOf(row)} ORDER BY ${sql.order()} LIMIT 1`;
  const stepAside = (row: string, source: string, key: string) => `UPDATE ${all} c SET ${HIDDEN} = true
      WHERE ${sql.behind(row)} AND (c.${LINEAGE_SOURCE}, c.${LINEAGE_KEY}) IS DISTINCT FROM (${source}, ${key});`;
  // Without columns of its own a row that comes to another partition is told from a new one by nothing.
  const moving = followings.filter(({ identity, rowKey }) => identity.length > 0 && identity.length < rowKey.length);
  return `
#variable_conflict use_variable
DECLARE
  own_source text; own_key text; to_source text; to_key text; has_come boolean := true; deleted json;
BEGIN
  -- The fence of the candidates is this table's, and stands before each of them alone.
  DELETE FROM ${quoteName(candidateTable(plan.target, followings[0]!.source))} WHERE false;
  IF TG_OP = 'TRUNCATE' THEN
    DELETE FROM ${all} c USING ${quoteName(plan.target)} t, LATERAL (${own('t')}) o
     WHERE ${IDENTITY.map((name) => `c.${name} = o.${name}`).join(' AND ')};
    UPDATE ${all} c SET ${HIDDEN} = true WHERE NOT c.${HIDDEN};
    RETURN NULL;
  END IF;
  IF TG_OP <> 'INSERT' THEN
    SELECT o.${LINEAGE_SOURCE}, o.${LINEAGE_KEY} INTO own_source, own_key FROM (${own('OLD')}) o;
    has_come := TG_OP = 'UPDATE' AND (${sql.isSame('OLD', 'NEW')}) IS NOT TRUE;
    IF TG_OP = 'DELETE' OR has_come THEN
      ${stepAside('OLD', 'own_source', 'own_key')}
    END IF;
  END IF;
  ${moving.length > 0 ? betweenPartitions(plan, moving) : ''}
  IF TG_OP <> 'DELETE' THEN
    to_source := ${sourceOf(plan, followings)};
    to_key := CASE to_source ${followings.map((following) => `WHEN ${quoteLiteral(following.source)} THEN ${keyOf(plan, sql, following)}`).join(' ')} END;
  END IF;
  IF own_source IS DISTINCT FROM to_source THEN
    DELETE FROM ${all} c WHERE c.${LINEAGE_SOURCE} = own_source AND c.${LINEAGE_KEY} = own_key;
    own_source := NULL; own_key := NULL;
  END IF;
  ${followings.map((following) => writeSql(plan, following)).join('\n  ')}
  IF TG_OP <> 'DELETE' AND has_come THEN
    ${stepAside('NEW', 'to_source', 'to_key')}
  END IF;
  RETURN NULL;
END`;
}

/** PostgreSQL deletes a row in the one and inserts it in the other, next: it is of the same old row. */
function betweenPartitions({ target }: LineagePlan, followings: readonly Following[]): string {
  const table = quoteLiteral(displayName(target));
  const identity = (row: string) => {
    const texts = (names: readonly string[]) => names.map((name) => `${row}.${quoteIdentifier(name)}::text`).join(', ');
    const cases = followings.map(
      ({ source, identity }) =>
        `WHEN ${quoteLiteral(source)} THEN pg_catalog.json_build_array(${texts(identity)})::text`,
    );
    return `(CASE own_source ${cases.join(' ')} END)`;
  };
  return `IF TG_OP = 'DELETE' THEN
    deleted := pg_catalog.json_build_array(${table}, own_source, own_key, ${identity('OLD')});
    PERFORM pg_catalog.set_config('${DELETED}', deleted::text, true);
  ELSIF TG_OP = 'INSERT' THEN
    deleted := nullif(pg_catalog.current_setting('${DELETED}', true), '')::json;
    IF deleted ->> 0 = ${table} THEN
      own_source := deleted ->> 1;
      IF ${identity('NEW')} = deleted ->> 3 THEN
        own_key := deleted ->> 2;
        PERFORM pg_catalog.set_config('${DELETED}', '', true);
      ELSE
        own_source := NULL;
      END IF;
    END IF;
  END IF;`;
}

/** A row stays of the table that it is of, unless its values tell of which it is. */
function sourceOf({ columns }: LineagePlan, followings: readonly Following[]): string {
  if (followings.every(({ constants }) => constants.size === 0)) {
    return `coalesce(own_source, ${quoteLiteral(followings[0]!.source)})`;
  }
  const cases = followings.map(({ source, constants }) => {
    const is = [...constants].map(([name, value]) => {
      const equal = columns.find((column) => column.name === name)?.equal ?? '=';
      return `NEW.${quoteIdentifier(name)} ${equal} ${quoteLiteral(value)}`;
    });
    return `WHEN ${is.join(' AND ')} THEN ${quoteLiteral(source)}`;
  });
  return `CASE ${cases.join(' ')} END`;
}

/** As the forward transform writes it. One that no old row has begins with null, which the old table refuses. */
function keyOf({ key }: LineagePlan, sql: LineageSql, following: Following): string {
  const texts = (names: readonly string[]) =>
    names
      .map((name) => `pg_catalog.to_json(pg_catalog.format('%s', NEW.${quoteIdentifier(name)}))::text`)
      .join(` || ',' || `);
  if (following.key) return `'[' || ${texts(following.key)} || ']'`;
  return `CASE WHEN own_source = to_source AND (TG_OP = 'INSERT' OR ${sql.areEqual('OLD', 'NEW', following.identity)}) THEN own_key ELSE '[null,' || ${texts(key)} || ']' END`;
}

/** A row that comes to the key of a candidate has taken its place. */
function writeSql({ target, columns }: LineagePlan, { source }: Following): string {
  const table = quoteName(candidateTable(target, source));
  const names = columns.map(({ name }) => quoteIdentifier(name));
  return `IF to_source = ${quoteLiteral(source)} THEN
    IF own_key IS DISTINCT FROM to_key THEN
      DELETE FROM ${table} c WHERE c.${LINEAGE_KEY} = to_key;
    END IF;
    UPDATE ${table} c SET ${LINEAGE_KEY} = to_key, ${names.map((name) => `${name} = NEW.${name}`).join(', ')}
     WHERE c.${LINEAGE_KEY} = own_key;
    IF NOT FOUND THEN
      INSERT INTO ${table} (${LINEAGE_KEY}, ${names.join(', ')}) VALUES (to_key, ${names.map((name) => `NEW.${name}`).join(', ')});
    END IF;
  END IF;`;
}
