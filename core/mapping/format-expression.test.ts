import fc from 'fast-check';
import { expect, test } from 'vitest';
import { anyText } from '../../test/support/texts.js';
import { type Expression, parseExpression } from './expression.js';
import { formatExpression } from './format-expression.js';

const name = fc.oneof(
  fc.constantFrom('tenant', 'Tenant', 'null', 'or', '1st', 'a"b', 'größe', 'a b'),
  anyText.filter((text) => text !== ''),
);
const { expression } = fc.letrec<{ expression: Expression }>((tie) => ({
  expression: fc.oneof(
    { depthSize: 'small' },
    fc.record({ kind: fc.constant('null' as const), column: name }),
    fc.record({ kind: fc.constant('in' as const), column: name, values: fc.array(anyText, { minLength: 1 }) }),
    fc.record({ kind: fc.constant('not' as const), part: tie('expression') }),
    fc.record({
      kind: fc.constantFrom('and' as const, 'or' as const),
      parts: fc.array(tie('expression'), { minLength: 2, maxLength: 3 }),
    }),
  ),
}));

test('what is written reads as the same condition', () => {
  fc.assert(
    fc.property(expression, (one) => {
      expect(parseExpression(formatExpression(one))).toEqual(one);
    }),
  );
});

test.each([
  "kind = 'a'",
  "kind in ('a', 'it''s') and gone_at is null",
  `("Kind" <> 'a' or not (a is null and "or" is not null)) and b not in ('1', '2')`,
])('and as a person would write it: %s', (text) => {
  expect(formatExpression(parseExpression(text))).toBe(text);
});
