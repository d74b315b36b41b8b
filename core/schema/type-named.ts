import type { Grammar } from './grammar.js';
import { nodesOf } from './syntax.js';

/** The node of a type, as a column has it; undefined of what is none. */
export function typeNamed(type: string, grammar: Grammar): unknown {
  const [read] = grammar.parse(`ALTER TABLE t ADD COLUMN c ${type}`).statements ?? [];
  return nodesOf(read?.node, 'ColumnDef')[0]?.typeName;
}
