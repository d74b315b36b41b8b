import type { Token } from './grammar.js';

/** A name that is written otherwise. */
export interface NameEdit {
  /** Byte at which it starts; undefined: where the tree does not tell, the first that reads so and nobody else changes. */
  readonly at?: number;
  /** Its parts, which dots stand between. */
  readonly from: readonly string[];
  readonly to: readonly string[];
  /** The name by which others go on knowing it: AS is put behind. */
  readonly alias?: string;
}

/** One token in whose place other SQL stands. */
export interface TokenEdit {
  readonly at: number;
  readonly sql: string;
}

/** A text, such as a function's body, in whose place another one stands. */
export interface TextEdit {
  readonly text: string;
  readonly by: string;
}

export type Edit = NameEdit | TokenEdit | TextEdit;

/** A piece of text, and what stands in its place. */
export interface Cut {
  readonly start: number;
  readonly end: number;
  readonly by: string;
}

interface Text {
  readonly tokens: readonly Token[];
  identifier(name: string): string;
}

/**
 * Changes names in SQL and leaves all else as it stands.
 * @returns undefined where a name is not found: the caller must not trust the text before it has been read again.
 */
export function splice(sql: string, edits: readonly Edit[], text: Text): string | undefined {
  const cuts = cutsOf(sql, edits, text);
  return cuts && joined(sql, cuts);
}

/** Finds where edits stand. @returns undefined where one is not found. */
export function cutsOf(sql: string, edits: readonly Edit[], text: Text): Cut[] | undefined {
  const looking = { ...text, taken: new Set<number>() };
  // A place that is told cannot be anything else's.
  const isLocated = (edit: Edit) => !('from' in edit) || edit.at !== undefined;
  const ordered = [...edits.filter(isLocated), ...edits.filter((edit) => !isLocated(edit))];
  const cuts = ordered.map((edit) => cutOf(sql, edit, looking));
  return cuts.includes(undefined) ? undefined : (cuts as Cut[]);
}

interface Looking extends Text {
  /** Indexes of tokens that an edit has changed. */
  readonly taken: Set<number>;
}

function cutOf(sql: string, edit: Edit, { tokens, identifier, taken }: Looking): Cut | undefined {
  if ('text' in edit) {
    const start = sql.indexOf(edit.text);
    return start < 0 ? undefined : { start, end: start + edit.text.length, by: edit.by };
  }
  if ('sql' in edit) {
    const token = tokens.find(({ byte }) => byte === edit.at);
    return token && { start: token.start, end: token.end, by: edit.sql };
  }
  const { at, from, to, alias } = edit;
  const index = tokens.findIndex(
    ({ byte }, i) =>
      (at === undefined ? isWhole(tokens, i, from.length) && !taken.has(i) : byte === at) && reads(tokens, i, from),
  );
  if (index < 0) return undefined;
  taken.add(index);
  const last = tokens[index + 2 * (from.length - 1)]!;
  // What stays is left as it is spelled: NEW.site_id.
  const same =
    from.length === to.length
      ? Math.max(
          0,
          from.findIndex((part, i) => part !== to[i]),
        )
      : 0;
  const start = tokens[index + 2 * same]!.start;
  return {
    start,
    end: last.end,
    by: `${to.slice(same).map(identifier).join('.')}${alias === undefined ? '' : ` AS ${identifier(alias)}`}`,
  };
}

/** Whether a name of these parts stands there. */
function reads(tokens: readonly Token[], index: number, parts: readonly string[]): boolean {
  return parts.every((part, i) => {
    const token = tokens[index + 2 * i];
    return token !== undefined && nameOf(token) === part && (i === 0 || tokens[index + 2 * i - 1]!.text === '.');
  });
}

/** Whether a name of that many parts would have no more of them. */
function isWhole(tokens: readonly Token[], index: number, parts: number): boolean {
  return tokens[index - 1]?.text !== '.' && tokens[index + 2 * parts - 1]?.text !== '.';
}

/** The name that a token stands for. */
export function nameOf({ text }: Token): string {
  return text.startsWith('"') ? text.slice(1, -1).replaceAll('""', '"') : text.toLowerCase();
}

/** @returns undefined where two of them overlap. */
export function joined(sql: string, cuts: readonly Cut[]): string | undefined {
  const sorted = cuts.toSorted((a, b) => a.start - b.start);
  let [result, end] = ['', 0];
  for (const cut of sorted) {
    if (cut.start < end) return undefined;
    result += sql.slice(end, cut.start) + cut.by;
    end = cut.end;
  }
  return result + sql.slice(end);
}
