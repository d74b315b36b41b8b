import { displayName, type QualifiedName } from '../../../core/relation.js';
import type { NameBook } from '../../../core/schema/name-book.js';
import type { AssignedTable } from './assign-tables.js';
import type { SequencePart } from './source-parts.js';

export interface MovedSequence {
  readonly sequence: SequencePart;
  readonly target: QualifiedName;
  /** The mapped table whose column owns it. */
  readonly owner: AssignedTable | undefined;
  readonly why: string;
}

/** A sequence goes where the table goes that owns it, else with the first table whose default takes from it. */
export function planSequences(
  sequences: readonly SequencePart[],
  tables: readonly AssignedTable[],
  names: NameBook,
): MovedSequence[] {
  return sequences.flatMap((sequence) => {
    const owner = tables.find(({ source }) => source.oid === sequence.ownerTable);
    const user = tables.find(({ source }) => sequence.users.includes(source.oid));
    const table = owner ?? user;
    if (!table) return [];
    const { schema } = table.target;
    return [
      {
        sequence,
        owner,
        target: { schema, table: names.claim(schema, sequence.name, sequence.schema) },
        why: `${owner ? 'owned by' : 'used by'} ${displayName(table.source)}`,
      },
    ];
  });
}
