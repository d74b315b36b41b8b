import type { Position } from '../../core/position.js';
import { formatPosition } from '../../core/position.js';
import { type Relation, sourceName } from '../../core/relation.js';

/** A table's snapshot begins again: the run ends before that place, and another one begins behind it. */
export class SnapshotDue extends Error {
  readonly source: string;
  /** As the domain topic has it. */
  readonly relation: Relation;
  readonly position: Position;
  /** Of the record that says so. */
  readonly offset: number;
  /** Every partition of the topic has it. */
  readonly everywhere: boolean;

  constructor(
    relation: Relation,
    at: { readonly position: Position; readonly offset: number; readonly everywhere: boolean },
  ) {
    const source = sourceName(relation);
    super(`the snapshot of ${source} begins again at ${formatPosition(at.position)}`);
    this.source = source;
    this.relation = relation;
    this.position = at.position;
    this.offset = at.offset;
    this.everywhere = at.everywhere;
  }
}
