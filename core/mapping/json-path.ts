/** A key of an object, or an index of an array. */
export type JsonPath = readonly (string | number)[];

/**
 * Reads `a.b[0]."c.d"`; a leading `$.` may stand before it.
 * @returns undefined for what is no path.
 */
export function parseJsonPath(text: string): JsonPath | undefined {
  const path: (string | number)[] = [];
  let rest = text.startsWith('$') ? text.slice(1) : text;
  while (rest !== '') {
    const match = SEGMENT.exec(rest);
    // The first key needs no dot.
    if (!match || (match[1] === '' && path.length > 0 && match[4] === undefined)) return undefined;
    path.push(match[4] === undefined ? (match[2]?.replaceAll('""', '"') ?? match[3]!) : Number(match[4]));
    rest = rest.slice(match[0].length);
  }
  return path.length > 0 ? path : undefined;
}

const SEGMENT = /^(?:(\.?)(?:"((?:[^"]|"")+)"|([^.[\]"]+))|\[(\d+)\])/;

/**
 * What stands at a path of JSON text, as PostgreSQL's `#>>` gives it: the text of a string, everything else as it is
 * written, so that no digit of a number is lost; null where nothing stands there, and for JSON's null.
 * @throws SyntaxError for text that is not JSON.
 */
export function jsonAt(text: string, path: JsonPath): string | null {
  let at = skipBlanks(text, 0);
  // A number, a text ... has nothing at any path, but must be one.
  if (text[at] !== '{' && text[at] !== '[') JSON.parse(text);
  for (const segment of path) {
    const found = typeof segment === 'number' ? elementAt(text, at, segment) : memberAt(text, at, segment);
    if (found === undefined) return null;
    at = found;
  }
  const value = text.slice(at, skipValue(text, at));
  if (value === 'null') return null;
  return value.startsWith('"') ? textOf(value) : value;
}

/** Of a JSON string; most have nothing to read but their characters. */
function textOf(string: string): string {
  return NEEDS_PARSING.test(string) ? (JSON.parse(string) as string) : string.slice(1, -1);
}

// Control characters must not stand in JSON: parsing says so.
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are meant.
const NEEDS_PARSING = /[\\\u0000-\u001f]/;

function memberAt(text: string, start: number, key: string): number | undefined {
  if (text[start] !== '{') return undefined;
  let found: number | undefined;
  for (let at = skipBlanks(text, start + 1); text[at] !== '}'; ) {
    const end = skipString(text, at);
    const name = textOf(text.slice(at, end));
    at = skipBlanks(text, expect(text, skipBlanks(text, end), ':'));
    // Of a key that json holds twice the last one counts, as in jsonb.
    if (name === key) found = at;
    at = next(text, skipValue(text, at), '}');
  }
  return found;
}

function elementAt(text: string, start: number, index: number): number | undefined {
  if (text[start] !== '[') return undefined;
  let place = 0;
  for (let at = skipBlanks(text, start + 1); text[at] !== ']'; place++) {
    if (place === index) return at;
    at = next(text, skipValue(text, at), ']');
  }
  return undefined;
}

/** Behind a comma, or at the end. */
function next(text: string, at: number, end: string): number {
  const here = skipBlanks(text, at);
  return text[here] === end ? here : skipBlanks(text, expect(text, here, ','));
}

function skipValue(text: string, at: number): number {
  const first = text[at];
  if (first === '"') return skipString(text, at);
  if (first !== '{' && first !== '[') {
    SCALAR.lastIndex = at;
    const match = SCALAR.exec(text);
    if (!match) throw new SyntaxError(`no JSON at character ${at + 1}`);
    return SCALAR.lastIndex;
  }
  let depth = 0;
  for (let i = at; i < text.length; i++) {
    const char = text[i];
    if (char === '"') i = skipString(text, i) - 1;
    else if (char === '{' || char === '[') depth++;
    else if ((char === '}' || char === ']') && --depth === 0) return i + 1;
  }
  throw new SyntaxError('JSON that is cut short');
}

const SCALAR = /[^\s,:\]}]+/y;

function skipString(text: string, at: number): number {
  if (text[at] !== '"') throw new SyntaxError(`no string at character ${at + 1}`);
  for (let i = at + 1; i < text.length; i++) {
    if (text[i] === '\\') i++;
    else if (text[i] === '"') return i + 1;
  }
  throw new SyntaxError('JSON that is cut short');
}

function skipBlanks(text: string, at: number): number {
  let here = at;
  while (text[here] === ' ' || text[here] === '\n' || text[here] === '\t' || text[here] === '\r') here++;
  return here;
}

function expect(text: string, at: number, char: string): number {
  if (text[at] !== char) throw new SyntaxError(`no ${char} at character ${at + 1}`);
  return at + 1;
}
