import { assertNever } from '../errors.js';
import type { Column } from '../relation.js';
import type { WholeRow } from './compile-rule.js';
import type { Expression } from './expression.js';

/** true, false, or undefined for unknown. */
type Truth = (row: WholeRow) => boolean | undefined;

/** Whether a condition holds for a row; of the row only the condition's columns are looked at, which must be there. */
export function compileExpression(
  expression: Expression,
  columns: readonly Pick<Column, 'name'>[],
): (row: WholeRow) => boolean {
  const truth = compile(expression, (name) => columns.findIndex((column) => column.name === name));
  return (row) => truth(row) === true;
}

function compile(expression: Expression, indexOf: (column: string) => number): Truth {
  switch (expression.kind) {
    case 'and':
      return all(
        expression.parts.map((part) => compile(part, indexOf)),
        false,
      );
    case 'or':
      return all(
        expression.parts.map((part) => compile(part, indexOf)),
        true,
      );
    case 'not': {
      const part = compile(expression.part, indexOf);
      return (row) => {
        const truth = part(row);
        return truth === undefined ? undefined : !truth;
      };
    }
    case 'null': {
      const index = indexOf(expression.column);
      return (row) => row[index] === null;
    }
    case 'in': {
      const index = indexOf(expression.column);
      const values: ReadonlySet<string | null> = new Set(expression.values);
      return (row) => (row[index] === null ? undefined : values.has(row[index]!));
    }
    default:
      return assertNever(expression);
  }
}

/** The first part that decides does; what is left is unknown as soon as one part is. */
function all(parts: readonly Truth[], decisive: boolean): Truth {
  return (row) => {
    let truth: boolean | undefined = !decisive;
    for (const part of parts) {
      const one = part(row);
      if (one === decisive) return decisive;
      if (one === undefined) truth = undefined;
    }
    return truth;
  };
}
