import { FerryError } from '../../core/errors.js';
import type { Grammar } from '../../core/schema/grammar.js';
import type { DumpStatement } from '../../core/schema/inventory.js';

/**
 * Takes a schema-only dump apart into its statements.
 * @param name of the dump, for errors.
 * @throws FerryError `config-invalid` with the line, where it is no SQL.
 */
export function readDump(name: string, text: string, grammar: Grammar): DumpStatement[] {
  const { statements, failure } = grammar.parse(text);
  if (failure) {
    const line = text.slice(0, failure.at).split('\n').length;
    throw new FerryError('config-invalid', `${name}:${line}: ${failure.message}`, {
      remedy: 'Take the dump with pg_dump --schema-only, as plain SQL.',
    });
  }
  let [line, at] = [1, 0];
  return statements.map(({ kind, start, end }) => {
    line += text.slice(at, start).split('\n').length - 1;
    at = start;
    const sql = text.slice(start, end);
    // Read by itself, so that places in the tree are places in this text.
    return { kind, node: grammar.parse(sql).statements![0]!.node, sql, line };
  });
}
