import type { ClientBase } from 'pg';
import { toFerryError } from '../../core/errors.js';
import { justBefore } from '../../core/position.js';
import type { Logger } from '../../platform/logger.js';
import { classify } from '../../platform/postgres.js';
import type { Claim } from './adapters/checkpoint.js';
import { haltTable, propagate } from './adapters/table-state.js';
import { readTargetTables } from './adapters/target-catalog.js';
import type { StopReason } from './schema-policy.js';
import type { ChangeDue } from './table-gate.js';

/**
 * Does what a change of a table's columns asks for before its rows can be taken: lets the table stand before it, or
 * changes the target's. What was read and not written by then is read again; rows of before fit the changed table too.
 */
export async function settleChange(target: ClientBase, claim: Claim, change: ChangeDue, logger: Logger): Promise<void> {
  const { source, due, offset } = change;
  const at = { ...claim.at, table: source };
  await target.query('ROLLBACK');
  const stop = { offset, position: justBefore(change.position) };
  if (due.kind === 'stop') {
    await haltTable(target, claim, source, { ...stop, reason: due.reason });
    logger.error({ ...at, remedy: due.reason.remedy }, `the table halts: ${due.reason.message}`);
    return;
  }
  let statements: readonly string[] = [];
  const left = async () => {
    const { schema, table } = due.seen.known.relation;
    const now = (await readTargetTables(target, schema)).get(table);
    statements = now ? due.statementsFor(now) : [];
    return statements;
  };
  try {
    await propagate(target, claim, due.seen, left);
    logger.info({ ...at, statements }, "the target's table was changed as the source's was");
  } catch (error) {
    await target.query('ROLLBACK').catch(() => {});
    const found = classify('target', error, `changing the target's table of ${source}`);
    if (found.policy.react === 'retry' || toFerryError(error).code === 'checkpoint-fenced') throw found;
    const reason = refused(found.message, statements, source);
    await haltTable(target, claim, source, { ...stop, reason });
    logger.error({ ...at, remedy: reason.remedy }, `the table halts: ${reason.message}`);
  }
}

function refused(message: string, statements: readonly string[], source: string): StopReason {
  const ddl = statements.map((statement) => `${statement};`).join(' ');
  return {
    kind: 'refused',
    message,
    remedy: `On the target, as a role that may: ${ddl} Then ferry table resume ${source}.`,
  };
}
