/** Literal text, or a column's value. */
export type TemplatePart = { readonly text: string } | { readonly column: string };

/**
 * Reads `{first} {last}`; `{{` and `}}` are braces.
 * @returns undefined where a brace stands alone.
 */
export function parseTemplate(template: string): TemplatePart[] | undefined {
  const parts: TemplatePart[] = [];
  let text = '';
  let rest = template;
  while (rest !== '') {
    const [token, column] = TOKEN.exec(rest) ?? [];
    if (token === undefined) return undefined;
    if (column === undefined) {
      text += token === '{{' || token === '}}' ? token[0] : token;
    } else {
      if (text !== '') parts.push({ text });
      text = '';
      parts.push({ column });
    }
    rest = rest.slice(token.length);
  }
  return text === '' ? parts : [...parts, { text }];
}

const TOKEN = /^(?:\{\{|\}\}|\{([^{}]+)\}|[^{}]+)/;
