import type { SourceObject } from '../inventory.js';
import type { Mover, SubjectTable } from '../mover.js';
import type { Place } from '../names.js';
import { retypedColumns } from './reshape-table.js';

/** Why an identity column of the source has no identity where it goes; undefined where it has. */
export function lostIdentity(column: string, subject: SubjectTable, mover: Mover): string | undefined {
  if (retypedColumns(subject, mover).has(column)) return 'its column is of another type there: it has none of it';
  const merged = mover.merges.isMerged(subject.target) ? mover.mergedAt(subject.target) : undefined;
  const found = merged?.columns.find(({ own }) => own === column);
  return found && !found.isNotNull
    ? 'not all tables that are merged with it fill its column, which takes nulls'
    : undefined;
}

/** Sequences of identity columns that are not made with these at every place that their tables go to, and where they are. */
export function identityPlaces(mover: Mover): (readonly [SourceObject, readonly Place[]])[] {
  const isMade = ({ owner, ownerColumns }: SourceObject, place: Place) =>
    lostIdentity(ownerColumns![0]!, { source: owner!, target: place.owner! }, mover) === undefined;
  const sequences = mover.plan.inventory.all().filter(({ isIdentity }) => isIdentity);
  return sequences.map((one) => [one, mover.placesOf(one).filter((place) => isMade(one, place))] as const);
}
