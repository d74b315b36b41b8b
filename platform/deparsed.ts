import { type Node, parseSync } from 'libpg-query';
import { deparseSync } from 'pgsql-deparser';
import { canonical } from '../core/schema/syntax.js';

/**
 * A statement as text, checked by reading it again: the deparser leaves out quotes here and there.
 * @returns undefined when the text does not say what the statement is. The parser must have been loaded.
 */
export function deparsed(node: Node): string | undefined {
  try {
    const text = deparseSync(node);
    const [read] = parseSync(text).stmts ?? [];
    return read && canonical(read.stmt) === canonical(node) ? `${text};` : undefined;
  } catch {
    return undefined;
  }
}
