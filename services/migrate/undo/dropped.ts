import type { ParsedStatement } from '../../../core/schema/grammar.js';
import { byKey, type DumpEntry, dumpEntries } from '../dump.js';
import type { Inverse } from './inverse.js';
import { remakeText } from './replaced.js';

/** What has no rows, so that its definition is all of it; as the grammar and the dump call it. */
const TYPES: Readonly<Record<string, string>> = {
  OBJECT_POLICY: 'POLICY',
  OBJECT_TRIGGER: 'TRIGGER',
  OBJECT_INDEX: 'INDEX',
  OBJECT_VIEW: 'VIEW',
};

/**
 * Makes what a DROP took away again, out of the dump before it.
 * @returns undefined where somebody must look: rows, CASCADE, a name that is not certain.
 */
export function restoreDropped({ kind, node }: ParsedStatement, before: string): Inverse | undefined {
  const type = TYPES[String(node.removeType)];
  if (kind !== 'DropStmt' || type === undefined || node.behavior === 'DROP_CASCADE') return undefined;
  const entries = [...byKey(dumpEntries(before)).values()].filter(({ entry }) => entry.type === type);
  const found = (node.objects as { List?: { items?: unknown[] } }[]).map(({ List: list }) =>
    find(entries, type, namesOf(list?.items)),
  );
  const isSure = found.every((one) => one.length === 1 || (one.length === 0 && node.missing_ok === true));
  if (!isSure) return undefined;
  return { undo: found.flat().flatMap(({ entry, sql }) => remakeText(entry, sql, before)) };
}

const namesOf = (items: unknown): string[] =>
  (items as { String: { sval: string } }[]).map(({ String: { sval } }) => sval);

type Found = { readonly entry: DumpEntry; readonly sql: string };

function find(entries: readonly Found[], type: string, names: readonly string[]): Found[] {
  const own = type === 'POLICY' || type === 'TRIGGER' ? 2 : 1;
  const name = names.slice(-own).join(' ');
  const schema = names.length > own ? names.at(-own - 1) : undefined;
  return entries.filter(({ entry }) => entry.name === name && (schema ?? entry.schema) === entry.schema);
}
