import { FerryError } from '../core/errors.js';
import { formatPlace, type TableMapping } from '../core/mapping.js';
import { displayName } from '../core/relation.js';
import { BASE_TYPE, operatorOf, STRATEGY } from './column-type.js';
import type { LineagePlan } from './lineage-sql.js';
import { lineageTable } from './lineage-table.js';
import { quoteName } from './postgres.js';

/** Runs a query; values come as text or null, in the order of the columns. */
export type ReadRows = (text: string, values: readonly string[]) => Promise<readonly (readonly (string | null)[])[]>;

/** The target's columns that take values: name, equality operator, identity, place in the key. */
const COLUMNS = `
SELECT a.attname, ${operatorOf(STRATEGY.equal)}, a.attidentity,
       (SELECT k.place FROM pg_catalog.unnest(i.indkey::int2[]) WITH ORDINALITY k (attnum, place)
         WHERE k.attnum = a.attnum AND k.place <= i.indnkeyatts)
  FROM pg_catalog.pg_attribute a ${BASE_TYPE}
  LEFT JOIN LATERAL (
       SELECT indkey, indnkeyatts FROM pg_catalog.pg_index
        WHERE indrelid = a.attrelid AND indisunique AND indimmediate AND indisvalid AND indpred IS NULL AND indexprs IS NULL
        ORDER BY indisprimary DESC, indexrelid LIMIT 1) i ON true
 WHERE a.attrelid = pg_catalog.to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
 ORDER BY a.attnum`;

/**
 * What decides which candidates stand in a target table, as mapping and target have it now.
 * @param mapping of a table with lineage; of merged ones any.
 * @returns undefined where the target has no such table.
 * @throws FerryError `target-unfit` for a table without a key, or without a column in which rows are one.
 */
export async function readLineagePlan(read: ReadRows, mapping: TableMapping): Promise<LineagePlan | undefined> {
  const { target } = mapping;
  const { unique, sources } = mapping.lineage!;
  const rows = await read(COLUMNS, [quoteName(target)]);
  if (rows.length === 0) return undefined;
  const key = rows.filter(([, , , place]) => place !== null).sort((a, b) => Number(a[3]) - Number(b[3]));
  const columns = rows.map(([name, equal, identity]) => ({
    name: name!,
    equal: equal ?? null,
    isIdentityAlways: identity === 'a',
  }));
  const name = displayName(target);
  if (key.length === 0) throw unfit(mapping, `the target table ${name} has no primary key`);
  const lost = unique.find((column) => !columns.some((one) => one.name === column));
  if (lost !== undefined)
    throw unfit(mapping, `the target table ${name} has no column ${lost}, of which \`unique\` speaks`);
  return {
    target,
    candidates: lineageTable(target),
    columns,
    key: key.map(([column]) => column!),
    unique,
    sources,
  };
}

function unfit({ place, target }: TableMapping, what: string): FerryError {
  return new FerryError('target-unfit', `${formatPlace(place)}: ${what}`, { details: { table: displayName(target) } });
}
