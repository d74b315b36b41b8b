import type { Finding } from './finding.js';
import type { DumpStatement } from './inventory.js';
import { rangePlace } from './inventory.js';
import type { Mover } from './mover.js';
import { displayPlace } from './names.js';
import { isManagedSchema } from './supabase.js';
import { isNode, nodesOf } from './syntax.js';

/** What a project keeps as rows, where its schema does not tell, and what the moved schema stands on. */
export function supabaseFindings(statements: readonly DumpStatement[], mover: Mover): Finding[] {
  return [...referencedTables(statements, mover), ...buckets(statements, mover)];
}

/** Foreign keys to what the new project has by itself, such as auth.users: their rows must be there. */
function referencedTables(statements: readonly DumpStatement[], mover: Mover): Finding[] {
  const first = new Map<string, { line: number; tables: string[] }>();
  for (const { kind, node, line } of statements) {
    if (kind !== 'AlterTableStmt') continue;
    const table = rangePlace(node.relation);
    const object = mover.find('relation', table);
    if (!object || mover.placesOf(object).length === 0) continue;
    for (const { pktable } of nodesOf(node.cmds, 'Constraint')) {
      if (!isNode(pktable) || !isManagedSchema(rangePlace(pktable).schema)) continue;
      const name = displayPlace(rangePlace(pktable));
      const known = first.get(name) ?? { line, tables: [] };
      first.set(name, { ...known, tables: [...known.tables, displayPlace(table)] });
    }
  }
  return [...first].map(([name, { line, tables }]) => ({
    kind: 'look',
    object: `table ${name}`,
    line,
    why: `${tables.join(', ')} refer to it, and it is no part of the mapping`,
    remedy:
      'Bring its rows to the new project before the foreign keys are validated (Supabase: auth users are exported and imported).',
  }));
}

function buckets(statements: readonly DumpStatement[], mover: Mover): Finding[] {
  const table = statements.find(
    ({ kind, node }) => kind === 'CreateStmt' && displayPlace(rangePlace(node.relation)) === 'storage.buckets',
  );
  if (!table || mover.find('relation', { schema: 'storage', name: 'buckets' })) return [];
  return [
    {
      kind: 'look',
      object: 'storage buckets',
      line: table.line,
      why: 'buckets and what lies in them are rows and files, not schema; policies on storage.objects are in the files',
      remedy: 'Make the buckets in the new project, and copy the files.',
    },
  ];
}
