/** PostgreSQL's text of an array of one dimension. */
export function arrayText(elements: readonly string[]): string {
  return `{${elements.map((element) => `"${element.replaceAll(/["\\]/g, '\\$&')}"`).join(',')}}`;
}

/**
 * The elements of an array's text.
 * @throws SyntaxError for what is not an array of one dimension.
 */
export function parseArrayText(text: string): (string | null)[] {
  if (!text.startsWith('{') || !text.endsWith('}')) throw new SyntaxError('no array of one dimension');
  const elements: (string | null)[] = [];
  if (text === '{}') return elements;
  ELEMENT.lastIndex = 1;
  for (let end = 1; end < text.length; ) {
    const match = ELEMENT.exec(text);
    if (!match) throw new SyntaxError('no array of one dimension');
    const [, quoted, plain] = match;
    if (quoted !== undefined) elements.push(quoted.replaceAll(/\\(.)/gs, '$1'));
    else elements.push(plain === 'NULL' ? null : plain!);
    end = ELEMENT.lastIndex;
  }
  return elements;
}

const ELEMENT = /(?:"((?:[^"\\]|\\.)*)"|([^"{},\\]+))[,}]/gsy;
