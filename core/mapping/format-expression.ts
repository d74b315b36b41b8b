import { assertNever } from '../errors.js';
import { type Expression, isWord } from './expression.js';

/** The text of a condition: `parseExpression` reads the same out of it. */
export function formatExpression(expression: Expression): string {
  switch (expression.kind) {
    case 'and':
    case 'or':
      return expression.parts.map(part).join(` ${expression.kind} `);
    case 'not':
      return negation(expression.part);
    case 'null':
      return `${column(expression.column)} is null`;
    case 'in':
      return comparison(expression, { one: '=', several: 'in' });
    default:
      return assertNever(expression);
  }
}

function part(expression: Expression): string {
  const text = formatExpression(expression);
  return expression.kind === 'and' || expression.kind === 'or' ? `(${text})` : text;
}

function negation(expression: Expression): string {
  if (expression.kind === 'null') return `${column(expression.column)} is not null`;
  if (expression.kind === 'in') return comparison(expression, { one: '<>', several: 'not in' });
  return `not (${formatExpression(expression)})`;
}

function comparison(
  { column: name, values }: Extract<Expression, { kind: 'in' }>,
  signs: { readonly one: string; readonly several: string },
): string {
  const texts = values.map(value);
  return texts.length === 1
    ? `${column(name)} ${signs.one} ${texts[0]}`
    : `${column(name)} ${signs.several} (${texts.join(', ')})`;
}

function column(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) && !isWord(name) ? name : `"${name.replaceAll('"', '""')}"`;
}

function value(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
