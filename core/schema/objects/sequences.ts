import { type DumpStatement, rangePlace } from '../inventory.js';
import type { Mover } from '../mover.js';
import type { Written } from '../phase.js';

/** CREATE SEQUENCE and ALTER SEQUENCE ... OWNED BY, once for each place that its table goes to. */
export function writeSequence(statement: DumpStatement, mover: Mover): Written[] {
  const sequence = mover.find('relation', rangePlace(statement.node.sequence));
  const places = sequence ? mover.placesOf(sequence) : [];
  return places.flatMap((target): Written[] => {
    const sql = mover.moveAbout(statement, { source: sequence!.place, target });
    if (sql === undefined) return [];
    return [{ phase: 'tables', sql: sql.replace(/^CREATE SEQUENCE /, 'CREATE SEQUENCE IF NOT EXISTS ') }];
  });
}
