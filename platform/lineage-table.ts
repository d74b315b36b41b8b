import { createHash } from 'node:crypto';
import { LINEAGE_KEY, routeName, type TableMapping } from '../core/mapping.js';
import { displayName, type QualifiedName, type Relation, sourceName } from '../core/relation.js';

/** Candidates stand beside what else the pipeline keeps in the target. */
export const LINEAGE_SCHEMA = 'ferry';
const MAX_NAME_BYTES = 63;

/** The table of all candidates for the rows of a target table; each source table's stand in a partition of it. */
export function lineageTable(target: QualifiedName): QualifiedName {
  return { schema: LINEAGE_SCHEMA, table: fitted(displayName(target)) };
}

/**
 * The candidates of one source table.
 * @param source as {@link routeName} says it.
 */
export function candidateTable(target: QualifiedName, source: string): QualifiedName {
  return { schema: LINEAGE_SCHEMA, table: fitted(`${displayName(target)} < ${source}`) };
}

/** Whether a mapping of a way back brings back what another one has moved; that of a table with lineage from its candidates. */
export function bringsBack(back: Mapped, forward: Mapped & Pick<TableMapping, 'route' | 'lineage'>): boolean {
  const { target, lineage } = forward;
  const from = lineage ? candidateTable(target, routeName(forward)) : target;
  return displayName(back.source) === displayName(from) && displayName(back.target) === displayName(forward.source);
}

/** Whether a source table holds candidates, as those of a way back may. */
export function holdsCandidates({ schema }: Pick<QualifiedName, 'schema'>): boolean {
  return schema === LINEAGE_SCHEMA;
}

type Mapped = Pick<TableMapping, 'source' | 'target'>;

/** Where rows of a domain topic's relation are written: in the target table, or among its candidates. */
export function homeOf(relation: Relation): QualifiedName {
  const hasLineage = relation.columns.some(({ name }) => name === LINEAGE_KEY);
  return hasLineage ? candidateTable(relation, sourceName(relation)) : relation;
}

/** A name that PostgreSQL keeps: it would cut a longer one, and two might become one. */
export function fitted(name: string): string {
  if (Buffer.byteLength(name) <= MAX_NAME_BYTES) return name;
  const digest = createHash('sha256').update(name).digest('hex').slice(0, 8);
  let head = name;
  while (Buffer.byteLength(head) > MAX_NAME_BYTES - digest.length - 1) head = [...head].slice(0, -1).join('');
  return `${head}~${digest}`;
}
