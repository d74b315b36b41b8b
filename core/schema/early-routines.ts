import type { Grammar, SyntaxNode } from './grammar.js';
import { type DumpStatement, type Inventory, objectKey } from './inventory.js';
import type { Phase } from './phase.js';
import { namedIn, type References } from './references.js';
import { isNode, itemsOf } from './syntax.js';

/** Routines without which types and tables cannot be made, and what these need in turn, with the file that needs them. */
export function earlyRoutines(
  statements: readonly DumpStatement[],
  {
    inventory,
    references,
    grammar,
  }: { readonly inventory: Inventory; readonly references: References; readonly grammar: Grammar },
): Map<string, Phase> {
  const early = new Map<string, Phase>();
  const isRoutine = (key: string) => key.startsWith(ROUTINE);
  const add = (key: string, phase: Phase): void => {
    if (!isRoutine(key) || early.get(key) === 'schemas_and_types' || early.get(key) === phase) return;
    early.set(key, phase);
    for (const next of references.get(key) ?? []) add(next, phase);
  };
  for (const statement of statements) {
    const phase = neededBy(statement);
    if (phase) for (const key of namedIn(statement, inventory, grammar)) add(key, phase);
  }
  return early;
}

/** How keys of routines begin. */
const ROUTINE = objectKey('routine', { schema: '', name: '' }).split('"",')[0]!;

function neededBy({ kind, node }: DumpStatement): Phase | undefined {
  if (kind === 'CreateDomainStmt') return 'schemas_and_types';
  if (kind === 'CreateStmt') return 'tables';
  if (kind !== 'AlterTableStmt') return undefined;
  const [first] = itemsOf(node.cmds);
  const { subtype, def } = (first?.AlterTableCmd ?? {}) as SyntaxNode;
  const isCheck = isNode(def) && isNode(def.Constraint) && def.Constraint.contype === 'CONSTR_CHECK';
  return subtype === 'AT_ColumnDefault' || isCheck ? 'tables' : undefined;
}
