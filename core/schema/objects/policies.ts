import type { DumpStatement } from '../inventory.js';
import { type Mover, tableOf } from '../mover.js';
import type { Written } from '../phase.js';

/** Tables that a Supabase project has by itself, and whose policies are people's own. */
const STORAGE = 'storage';

/** Policies take no OR REPLACE: in one transaction they are dropped and made again. */
export function writePolicy(statement: DumpStatement, mover: Mover): Written[] {
  const table = tableOf(statement, 'table');
  if (!mover.find('relation', table) && table.schema !== STORAGE) return [];
  const name = mover.grammar.identifier(statement.node.policy_name as string);
  return mover.targetsOf(table).flatMap((subject): Written[] => {
    const sql = mover.moveAbout(statement, subject);
    if (sql === undefined) return [];
    mover.made(subject.target, { kind: 'policy', name: statement.node.policy_name });
    const drop = `DROP POLICY IF EXISTS ${name} ON ${mover.name(subject.target)}`;
    return [
      { phase: 'policies', sql: drop },
      { phase: 'policies', sql },
    ];
  });
}
