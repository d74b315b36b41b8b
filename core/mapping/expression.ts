import { assertNever } from '../errors.js';

/** A condition on a row, as SQL's WHERE means it: a comparison with null is unknown, and what is unknown does not hold. */
export type Expression =
  | { readonly kind: 'and' | 'or'; readonly parts: readonly Expression[] }
  | { readonly kind: 'not'; readonly part: Expression }
  | { readonly kind: 'null'; readonly column: string }
  /** The column has one of these texts. */
  | { readonly kind: 'in'; readonly column: string; readonly values: readonly string[] };

/** Where and why a text is no condition. */
export class ExpressionError extends Error {}

/**
 * Reads `kind in ('a', 'b') and deleted_at is null`. Columns are written as in SQL, values in single quotes; numbers,
 * true and false need none.
 * @throws ExpressionError
 */
export function parseExpression(text: string): Expression {
  const tokens = tokensOf(text);
  const parser = new Parser(tokens);
  const expression = parser.or();
  parser.end();
  return expression;
}

/** What keeps a text from being a condition; undefined for one that is. */
export function expressionProblem(text: string): string | undefined {
  try {
    parseExpression(text);
    return undefined;
  } catch (error) {
    if (error instanceof ExpressionError) return error.message;
    throw error;
  }
}

/** The columns of a condition, each once. */
export function columnsOf(expression: Expression): string[] {
  switch (expression.kind) {
    case 'and':
    case 'or':
      return [...new Set(expression.parts.flatMap(columnsOf))];
    case 'not':
      return columnsOf(expression.part);
    case 'null':
    case 'in':
      return [expression.column];
    default:
      return assertNever(expression);
  }
}

/** Each comparison of a column with texts. */
export function comparisonsOf(expression: Expression): Extract<Expression, { kind: 'in' }>[] {
  if (expression.kind === 'and' || expression.kind === 'or') return expression.parts.flatMap(comparisonsOf);
  if (expression.kind === 'not') return comparisonsOf(expression.part);
  return expression.kind === 'in' ? [expression] : [];
}

interface Token {
  readonly kind: 'name' | 'word' | 'value' | 'sign' | 'end';
  readonly text: string;
  /** From 1. */
  readonly at: number;
}

const TOKEN =
  /\s*(?:"((?:[^"]|"")+)"|'((?:[^']|'')*)'|(-?\d+(?:\.\d+)?)(?![\w.])|([\p{L}_][\p{L}\p{N}_$]*)|(<>|!=|[=(),]))/uy;
const WORDS: ReadonlySet<string> = new Set(['and', 'or', 'not', 'in', 'is', 'null', 'true', 'false']);

/** Means something in a condition, unless it is quoted. */
export function isWord(text: string): boolean {
  return WORDS.has(text);
}

function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  let next = 0;
  while (text.slice(next).trim() !== '') {
    TOKEN.lastIndex = next;
    const match = TOKEN.exec(text);
    const at = next + text.slice(next).search(/\S/) + 1;
    if (!match) throw new ExpressionError(`at character ${at}: nothing begins with ${text[at - 1]}`);
    const [, quoted, value, number, word, sign] = match;
    if (quoted !== undefined) tokens.push({ kind: 'name', text: quoted.replaceAll('""', '"'), at });
    else if (value !== undefined) tokens.push({ kind: 'value', text: value.replaceAll("''", "'"), at });
    else if (number !== undefined) tokens.push({ kind: 'value', text: number, at });
    else if (word !== undefined) tokens.push(wordToken(word, at));
    else tokens.push({ kind: 'sign', text: sign!, at });
    next = TOKEN.lastIndex;
  }
  return [...tokens, { kind: 'end', text: '', at: text.length + 1 }];
}

/** PostgreSQL folds names that are not quoted. */
function wordToken(written: string, at: number): Token {
  const text = written.toLowerCase();
  if (text === 'true' || text === 'false') return { kind: 'value', text: text[0]!, at };
  return { kind: WORDS.has(text) ? 'word' : 'name', text, at };
}

class Parser {
  readonly #tokens: readonly Token[];
  #next = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  or(): Expression {
    return this.#list('or', () => this.#list('and', () => this.#not()));
  }

  end(): void {
    if (this.#token.kind !== 'end') throw this.#expected('and, or, or the end');
  }

  #list(word: 'and' | 'or', part: () => Expression): Expression {
    const parts = [part()];
    while (this.#takes('word', word)) parts.push(part());
    return parts.length === 1 ? parts[0]! : { kind: word, parts };
  }

  #not(): Expression {
    if (this.#takes('word', 'not')) return { kind: 'not', part: this.#not() };
    if (!this.#takes('sign', '(')) return this.#test();
    const inner = this.or();
    this.#must('sign', ')');
    return inner;
  }

  #test(): Expression {
    const column = this.#take('name', 'a column').text;
    if (this.#takes('word', 'is')) {
      const isNot = this.#takes('word', 'not');
      this.#must('word', 'null');
      return negated(isNot, { kind: 'null', column });
    }
    if (this.#takes('sign', '=')) return { kind: 'in', column, values: [this.#value()] };
    if (this.#takes('sign', '<>') || this.#takes('sign', '!=')) {
      return negated(true, { kind: 'in', column, values: [this.#value()] });
    }
    const isNot = this.#takes('word', 'not');
    if (!this.#takes('word', 'in')) throw this.#expected('=, <>, in, not in, is null or is not null');
    this.#must('sign', '(');
    const values = [this.#value()];
    while (this.#takes('sign', ',')) values.push(this.#value());
    this.#must('sign', ')');
    return negated(isNot, { kind: 'in', column, values });
  }

  #value(): string {
    return this.#take('value', 'a value').text;
  }

  get #token(): Token {
    return this.#tokens[this.#next]!;
  }

  #takes(kind: Token['kind'], text: string): boolean {
    const isIt = this.#token.kind === kind && this.#token.text === text;
    if (isIt) this.#next++;
    return isIt;
  }

  #must(kind: Token['kind'], text: string): void {
    if (!this.#takes(kind, text)) throw this.#expected(text);
  }

  #take(kind: Token['kind'], what: string): Token {
    if (this.#token.kind !== kind) throw this.#expected(what);
    return this.#tokens[this.#next++]!;
  }

  #expected(what: string): ExpressionError {
    const { kind, text, at } = this.#token;
    return new ExpressionError(`at character ${at}: ${what} expected, not ${kind === 'end' ? 'the end' : text}`);
  }
}

function negated(isNot: boolean, part: Expression): Expression {
  return isNot ? { kind: 'not', part } : part;
}
