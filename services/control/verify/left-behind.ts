import { compileExpression } from '../../../core/mapping/compile-expression.js';
import { columnsOf, type Expression } from '../../../core/mapping/expression.js';
import type { TableMapping } from '../../../core/mapping.js';
import { bringsBack } from '../../../platform/lineage-table.js';
import { quoteIdentifier } from '../../../platform/postgres.js';
import { keyId } from './observe.js';
import { type Key, valuesOfKeys } from './queries.js';
import type { Session } from './session.js';
import type { TableShape } from './table-shape.js';

/** Of rows that are in the old project alone: those that its mapping never moved, so that a way back has none of them. */
export type LeftBehind = (keys: readonly Key[]) => Promise<ReadonlySet<string>>;

type Compared = Pick<TableShape, 'target' | 'otherKeys'>;

/**
 * What a mapping of a way back leaves out; undefined where its table has all of the old rows.
 * @param at.shape its `target` is the old project's table.
 * @param at.forward the mappings of the pipeline that the mapping's pipeline leads back.
 */
export function leftBehindOf(
  mapping: TableMapping,
  at: { readonly session: Session; readonly shape: Compared; readonly forward: readonly TableMapping[] },
): LeftBehind | undefined {
  // Its row stands where its part has gone.
  if (mapping.join === 'part') return async (keys) => new Set(keys.map(keyId));
  const condition = at.forward.find((forward) => bringsBack(mapping, forward))?.rules?.where?.condition;
  return condition && leftBehind(at.session, at.shape, condition);
}

/** @returns ids of keys, as keyId makes them. */
function leftBehind(session: Session, { target: old, otherKeys }: Compared, condition: Expression): LeftBehind {
  const columns = columnsOf(condition);
  const moves = compileExpression(
    condition,
    columns.map((name) => ({ name })),
  );
  const read = { ...old, columns: columns.map((name) => `t.${quoteIdentifier(name)}`) };
  return async (keys) => {
    const rows = await session.read(valuesOfKeys(read, otherKeys ? keys.map(otherKeys.toTarget) : keys));
    // Behind the version stand the key's columns.
    const behind = 1 + old.key.length;
    const left = rows.filter((row) => !moves(row.slice(behind)));
    const named = left.map((row) => row.slice(1, behind) as string[]);
    return new Set((otherKeys ? named.map(otherKeys.toSource) : named).map(keyId));
  };
}
