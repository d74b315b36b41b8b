import type { SyntaxNode } from '../grammar.js';
import { type DumpStatement, rangePlace } from '../inventory.js';
import { labelOf } from '../label.js';
import type { Mover } from '../mover.js';
import type { Written } from '../phase.js';
import { isNode, nodesOf } from '../syntax.js';
import { when } from '../when.js';

const phase = 'comments_and_publications';

/** A pipeline's own has no place in the target. */
const OURS = /^ferry_/;

/** CREATE PUBLICATION: Supabase's `supabase_realtime` is there, others are made. */
export function writePublication(statement: DumpStatement, mover: Mover): Written[] {
  const name = statement.node.pubname as string;
  if (OURS.test(name)) return [];
  const sql = mover.move(statement, undefined);
  const absent = `NOT EXISTS (SELECT FROM pg_catalog.pg_publication WHERE pubname = ${mover.literal(name)})`;
  return sql === undefined ? [] : [{ phase, sql: when(absent, sql) }];
}

/** ALTER PUBLICATION ... ADD TABLE, for each place that the table goes to. */
export function writePublishedTable(statement: DumpStatement, mover: Mover): Written[] {
  const name = statement.node.pubname as string;
  if (OURS.test(name)) return [];
  const [published] = nodesOf(statement.node.pubobjects, 'PublicationObjSpec');
  const table = isNode(published?.pubtable) ? (published.pubtable.relation as SyntaxNode) : undefined;
  if (!table) {
    mover.leave(
      statement,
      labelOf(statement),
      'it publishes a whole schema',
      'Add the domain schemas that it should publish.',
    );
    return [];
  }
  if (!mover.find('relation', rangePlace(table))) return [];
  return mover.targetsOf(rangePlace(table)).flatMap((subject): Written[] => {
    const sql = mover.moveAbout(statement, subject);
    if (sql === undefined) return [];
    const there = `SELECT FROM pg_catalog.pg_publication_rel r JOIN pg_catalog.pg_publication p ON p.oid = r.prpubid WHERE p.pubname = ${mover.literal(name)} AND r.prrelid = ${mover.regclass(subject.target)}`;
    return [{ phase, sql: when(`NOT EXISTS (${there})`, sql) }];
  });
}
