import type { Scope } from './column-scope.js';
import type { Grammar, SyntaxNode } from './grammar.js';
import { type DumpStatement, keyOf, listPlace, rangePlace } from './inventory.js';
import { displayPlace, type Place, type TableColumns } from './names.js';
import { DEFAULT_PATH } from './references.js';
import { type Plan, Relocation } from './relocation.js';
import { moveRoutine, searchPathOf } from './routine.js';

export interface RoutineViewpoint {
  /** Schemas in which its body's names without a schema are looked up. */
  readonly path: readonly string[];
  /** What its body knows beside what its own statements say: NEW and OLD of the tables that it is a trigger of. */
  readonly scope: Scope;
}

interface Known {
  readonly plan: Plan;
  readonly grammar: Grammar;
  readonly statements: readonly DumpStatement[];
  readonly extensionSchemas: readonly string[];
}

/** From where a routine's body looks names up. */
export function routineViewpoint(statement: DumpStatement, known: Known): RoutineViewpoint {
  const rows = triggerTables(statement, known).flatMap((table) => rowsOf(table, known.plan));
  const found = rows.filter((row) => findsColumns(statement, row, known));
  return { path: pathOf(statement), scope: rowScope(rowOf(found.length > 0 ? found : rows)) };
}

/** Whether a trigger's function finds the columns of NEW and OLD that it names at one of the places of a table. */
export function findsColumns(statement: DumpStatement, row: TableColumns, known: Known): boolean {
  const left = [...row.changes].filter(([, to]) => to === undefined);
  if (left.length === 0) return true;
  const problemsWith = (changes: TableColumns['changes']) =>
    moveRoutine(statement.sql, {
      names: new Relocation(known.plan, { path: pathOf(statement) }),
      grammar: known.grammar,
      extensionSchemas: known.extensionSchemas,
      scope: rowScope({ ...row, changes }),
    }).problems.length;
  return problemsWith(new Map(left)) === problemsWith(new Map());
}

const pathOf = ({ node }: DumpStatement) => searchPathOf(node) ?? DEFAULT_PATH;

const rowScope = (table: TableColumns | undefined): Scope =>
  table ? [{ items: ['new', 'old'].map((alias) => ({ alias, table })), withs: new Map() }] : [];

function triggerTables({ node }: DumpStatement, { statements }: Known): Place[] {
  const own = displayPlace(listPlace(node.funcname));
  return statements
    .filter(({ kind, node }) => kind === 'CreateTrigStmt' && displayPlace(listPlace(node.funcname)) === own)
    .map(({ node }) => rangePlace((node as SyntaxNode).relation));
}

function rowsOf(table: Place, { inventory, places, columnsOf }: Plan): TableColumns[] {
  const object = inventory.find('relation', table);
  if (!object?.columns) return [];
  return (places.get(keyOf(object)) ?? []).map((place) => columnsOf(object, place));
}

/** The row of several tables: a column that they do not call the same from now on is none that can be named. */
function rowOf(all: readonly TableColumns[]): TableColumns | undefined {
  if (all.length === 0) return undefined;
  const columns = new Set(all.flatMap((table) => [...table.columns]));
  const changes = new Map<string, string | undefined>();
  for (const column of columns) {
    const called = new Set(
      all
        .filter((table) => table.columns.has(column))
        .map((table) => (table.changes.has(column) ? table.changes.get(column) : column)),
    );
    const [only] = called;
    if (called.size > 1) changes.set(column, undefined);
    else if (only !== column) changes.set(column, only);
  }
  return { columns, changes };
}
