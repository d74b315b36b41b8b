/** SQL text of an object of the source. */
export interface Definition {
  readonly kind: 'function' | 'view' | 'materialized view' | 'policy' | 'trigger';
  /** As people name it: `public.f(uuid)`, `p on public.t`. */
  readonly object: string;
  readonly text: string;
}

/** A line that will not mean in the target what it means in the source. */
export interface HardcodedName {
  readonly kind: Definition['kind'];
  readonly object: string;
  /** Of the text, from 1 on: in a function, of its body, as PostgreSQL's own messages count. */
  readonly line: number;
  /** The line, without blanks at its ends. */
  readonly text: string;
  /** `schema.thing`, each once. */
  readonly names: readonly string[];
}

/** Comments, and what only looks like one inside of a string or a name. */
const COMMENT_OR_QUOTED = /--[^\n]*|\/\*[\s\S]*?\*\/|'(?:[^']|'')*'|"(?:[^"]|"")*"/g;

/**
 * Finds the lines that name a schema whose tables move away. Strings are searched, too: dynamic SQL stands in them.
 * @param schemas as the catalog holds them.
 */
export function findHardcoded(definitions: readonly Definition[], schemas: ReadonlySet<string>): HardcodedName[] {
  if (schemas.size === 0) return [];
  const pattern = qualifiedBy(schemas);
  return definitions.flatMap(({ kind, object, text }) =>
    withoutComments(text)
      .split('\n')
      .flatMap((line, index): HardcodedName[] => {
        const names = [...line.matchAll(pattern)].map(
          ([, quoted, plain, , thing]) => `${unquote(quoted ?? plain!)}.${unquote(thing!)}`,
        );
        if (names.length === 0) return [];
        return [{ kind, object, line: index + 1, text: line.trim(), names: [...new Set(names)] }];
      }),
  );
}

/** Lines stay where they are. */
function withoutComments(text: string): string {
  return text.replaceAll(COMMENT_OR_QUOTED, (found) => (/^['"]/.test(found) ? found : found.replaceAll(/[^\n]/g, ' ')));
}

/** `public.users`, `"public"."Users"`, `public.%I` of a format(). */
function qualifiedBy(schemas: ReadonlySet<string>): RegExp {
  const names = [...schemas].map((name) => name.replaceAll(/[^\w]/g, '\\$&'));
  const any = names.join('|');
  return new RegExp(`(?<![\\w$."])(?:"(${any})"|(${any}))(\\s*\\.\\s*)("(?:[^"]|"")+"|%[IsL]|[\\p{L}_][\\w$]*)`, 'giu');
}

const unquote = (name: string) => (name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name);

/** A function's text that finds its tables by the search_path alone. */
export interface UnqualifiedNames {
  readonly object: string;
  /** Tables that it names without a schema. */
  readonly tables: readonly string[];
}

const BEFORE_A_TABLE =
  /\b(?:from|join|into|update|table|references)\s+(?:only\s+)?("(?:[^"]|"")+"|[\p{L}_][\w$]*)(?![\w$]|\s*[.(])/giu;

/** @param tables names, without schemas, of those that move. */
export function findUnqualified(definitions: readonly Definition[], tables: ReadonlySet<string>): UnqualifiedNames[] {
  return definitions
    .filter(({ kind }) => kind === 'function')
    .map(({ object, text }) => {
      const named = [...withoutComments(text).matchAll(BEFORE_A_TABLE)].map(([, name]) =>
        name!.startsWith('"') ? unquote(name!) : name!.toLowerCase(),
      );
      return { object, tables: [...new Set(named.filter((name) => tables.has(name)))] };
    })
    .filter(({ tables: found }) => found.length > 0);
}
