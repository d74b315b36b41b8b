import { isMap, isNode, LineCounter, type Node, parseDocument } from 'yaml';
import type { z } from 'zod';
import { FerryError } from '../errors.js';
import { type FilePlace, formatPlace } from '../mapping.js';
import { replaceReferences } from './env-references.js';
import { explainIssue } from './explain-issue.js';

/** A YAML file that has passed its schema, with the place of everything in it. */
export interface ParsedFile<T> {
  readonly value: T;
  /** The place of what stands at a path; of its nearest ancestor when it is absent. */
  placeOf(path: readonly PropertyKey[]): FilePlace;
  /** The place of the key itself rather than of its value. */
  placeOfKey(path: readonly PropertyKey[]): FilePlace;
  /** What the file itself has at a path, references to the environment as they are written. */
  writtenAt(path: readonly PropertyKey[]): unknown;
}

/**
 * Parses and validates one file. Environment references (`${NAME}`, `${NAME:-default}`) are replaced in its strings.
 * @param file name for messages.
 * @throws FerryError `config-invalid` listing every problem as file:line:column, or `env-missing`.
 */
export function parseYamlFile<S extends z.ZodType>(
  file: string,
  text: string,
  schema: S,
  env: Readonly<Record<string, string | undefined>>,
): ParsedFile<z.output<S>> {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const placeAt = (offset: number): FilePlace => {
    const { line, col } = lines.linePos(offset);
    return { file, line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  if (document.errors.length > 0) {
    const problems = document.errors.map((error) => `${formatPlace(placeAt(error.pos[0]))}: ${error.message}`);
    throw new FerryError('config-invalid', problems.join('\n'), { details: { file } });
  }

  const nodeAt = (path: readonly PropertyKey[]): Node | undefined => {
    for (let depth = path.length; depth >= 0; depth--) {
      const node = depth === 0 ? document.contents : document.getIn(path.slice(0, depth), true);
      if (isNode(node) && node.range) return node;
    }
    return undefined;
  };
  const placeOf = (path: readonly PropertyKey[]) => placeAt(nodeAt(path)?.range?.[0] ?? 0);
  const placeOfKey = (path: readonly PropertyKey[]) => {
    const parent = path.length > 1 ? document.getIn(path.slice(0, -1), true) : document.contents;
    const pair = isMap(parent)
      ? parent.items.find((item) => isNode(item.key) && 'value' in item.key && item.key.value === path.at(-1))
      : undefined;
    return isNode(pair?.key) && pair.key.range ? placeAt(pair.key.range[0]) : placeOf(path);
  };

  const missing: string[] = [];
  const written: unknown = document.toJS() ?? {};
  const expanded = expandEnv(written, env, [], (path, name) => {
    missing.push(`${formatPlace(placeOf(path))}: the environment variable ${name} is not set`);
  });
  if (missing.length > 0) {
    throw new FerryError('env-missing', missing.join('\n'), { details: { file } });
  }

  const result = schema.safeParse(expanded);
  if (!result.success) {
    const problems = result.error.issues
      .flatMap((issue) => explainIssue(issue, schema))
      .map(({ path, key, message }) => {
        const place = key === undefined ? placeOf(path) : placeOfKey([...path, key]);
        const at = path.length > 0 ? `${path.map(String).join('.')}: ` : '';
        return `${formatPlace(place)}: ${at}${message}`;
      });
    throw new FerryError('config-invalid', problems.join('\n'), { details: { file } });
  }
  const writtenAt = (path: readonly PropertyKey[]) =>
    path.reduce<unknown>((value, key) => (value as Record<PropertyKey, unknown> | undefined)?.[key], written);
  return { value: result.data, placeOf, placeOfKey, writtenAt };
}

function expandEnv(
  value: unknown,
  env: Readonly<Record<string, string | undefined>>,
  path: readonly PropertyKey[],
  onMissing: (path: readonly PropertyKey[], name: string) => void,
): unknown {
  if (typeof value === 'string') {
    return replaceReferences(value, (name, fallback) => {
      const found = env[name];
      if (found !== undefined && found !== '') return found;
      if (fallback !== undefined) return fallback;
      onMissing(path, name);
      return '';
    });
  }
  if (Array.isArray(value)) return value.map((item, index) => expandEnv(item, env, [...path, index], onMissing));
  if (value !== null && typeof value === 'object') {
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, expandEnv(item, env, [...path, key], onMissing)]),
    );
  }
  return value;
}
