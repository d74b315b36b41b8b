import { isComparedAsText, mayBeWritten } from '../../../core/mapping/comparable-text.js';
import { columnsOf, comparisonsOf } from '../../../core/mapping/expression.js';
import { filterMode } from '../../../core/mapping/row-filter.js';
import { outputsOf, readColumns } from '../../../core/mapping/table-rules.js';
import { formatPlace } from '../../../core/mapping.js';
import { quoteName } from '../../../platform/postgres.js';
import { type Catalog, type CatalogColumn, findColumn } from './catalog.js';
import { defineCheck, type MappedTable, mappedSourceTables } from './context.js';
import type { Finding, Report } from './finding.js';
import { replicaKey } from './replica-key.js';
import { baseOf, isStoredInline } from './rule-type.js';

/** Every `where` of the mapping can be decided of every change. */
export const rowFilter = defineCheck(
  { name: 'row-filter', side: 'source', passed: 'every `where` can be decided of every change' },
  async (context, report) => {
    const { types } = await context.sourceCatalog();
    return (await mappedSourceTables(context)).flatMap((mapped) => filterFindings(mapped, types, report));
  },
);

function filterFindings({ mapping, name, table }: MappedTable, types: Catalog['types'], report: Report): Finding[] {
  const where = mapping.rules?.where;
  // A column that is not there has a finding of its own.
  if (!where || columnsOf(where.condition).some((column) => !findColumn(table, column))) return [];
  const error = (what: string, remedy: string) =>
    report.error(`${formatPlace(where.place)}: ${name}: ${what}`, { object: name, remedy });
  const findings = comparisonsOf(where.condition).flatMap(({ column, values }) => {
    const problem = comparisonProblem(findColumn(table, column)!, values, types);
    return problem === undefined ? [] : [error(problem, 'Correct the mapping at the place named.')];
  });
  const key = replicaKey(table);
  const keys = 'columns' in key ? key.columns : [];
  const columns = table.columns.map((column) => ({ name: column.name, key: keys.includes(column.name) }));
  const plain = table.columns.filter(({ generated }) => generated === '').map((column) => column.name);
  const decided = filterMode(
    where.condition,
    { identity: table.identity, columns },
    readColumns(outputsOf(mapping, plain)),
    (column) => isStoredInline(findColumn(table, column)!, types),
  );
  if (!('undecided' in decided)) return findings;
  const what = `\`where\` cannot be decided: a change does not say how its row was before, nor carry ${decided.undecided} where that is large and has not changed`;
  return [...findings, error(what, `ALTER TABLE ${quoteName(table)} REPLICA IDENTITY FULL`)];
}

function comparisonProblem(
  column: CatalogColumn,
  values: readonly string[],
  types: Catalog['types'],
): string | undefined {
  const base = baseOf(types.get(column.type), types);
  if (base?.kind === 'e') {
    const unknown = values.find((value) => !base.labels.includes(value));
    return unknown === undefined ? undefined : `${column.name} has no value ${JSON.stringify(unknown)}`;
  }
  const isKnown = base?.schema === 'pg_catalog' && isComparedAsText({ type: base.oid });
  if (!isKnown) return `\`where\` compares ${column.name}, of a type whose equal values may be written in two ways`;
  const wrong = values.find((value) => !mayBeWritten(value, { type: base.oid }));
  return wrong === undefined ? undefined : `no value of ${column.name} is written ${JSON.stringify(wrong)}`;
}
