import type { Scope } from './column-scope.js';
import type { SyntaxNode } from './grammar.js';
import { type DumpStatement, listPlace, rangePlace } from './inventory.js';
import { displayPlace, type Names, type Place, type TableColumns } from './names.js';
import { DEFAULT_PATH } from './references.js';
import { searchPathOf } from './routine.js';

export interface RoutineViewpoint {
  /** Schemas in which its body's names without a schema are looked up. */
  readonly path: readonly string[];
  /** What its body knows beside what its own statements say: NEW and OLD of the tables that it is a trigger of. */
  scope(names: Names): Scope;
}

/** From where a routine's body looks names up. */
export function routineViewpoint(
  { node }: DumpStatement,
  { statements }: { readonly statements: readonly DumpStatement[] },
): RoutineViewpoint {
  const own = displayPlace(listPlace(node.funcname));
  const tables = statements
    .filter(({ kind, node }) => kind === 'CreateTrigStmt' && displayPlace(listPlace(node.funcname)) === own)
    .map(({ node }) => rangePlace((node as SyntaxNode).relation));
  return {
    path: searchPathOf(node) ?? DEFAULT_PATH,
    scope(names) {
      if (tables.length === 0) return [];
      const table = rowOf(tables, names);
      return [{ items: ['new', 'old'].map((alias) => ({ alias, ...(table ? { table } : {}) })), withs: new Map() }];
    },
  };
}

/** The row of several tables: a column that they do not call the same from now on is none that can be named. */
function rowOf(tables: readonly Place[], names: Names): TableColumns | undefined {
  const all = tables.flatMap(({ schema, name }) => names.columns(schema, name) ?? []);
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
