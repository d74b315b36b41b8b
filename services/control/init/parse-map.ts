import { FerryError } from '../../../core/errors.js';
import { parseQualifiedName } from '../../../core/relation.js';

/** One `--map`: a schema with all its tables, or one table. */
export interface MapRule {
  /** As it was written, for messages. */
  readonly text: string;
  readonly source: { readonly schema: string; readonly table?: string };
  /** Without a table, tables keep their names. */
  readonly target: { readonly schema: string; readonly table?: string };
}

const SHAPE = /^((?:"(?:[^"]|"")*"|[^"=])+)=(.+)$/;

/**
 * Reads `public=growth`, `public.users=shared.users` or `public.users=shared`.
 * @throws FerryError `usage`.
 */
export function parseMap(text: string): MapRule {
  const match = SHAPE.exec(text);
  const source = match && parseName(match[1]!);
  const target = match && parseName(match[2]!);
  if (!source || !target || (source.table === undefined && target.table !== undefined)) {
    throw new FerryError(
      'usage',
      `--map ${text}: not SCHEMA=SCHEMA, SCHEMA.TABLE=SCHEMA.TABLE or SCHEMA.TABLE=SCHEMA`,
      {
        remedy: 'Write for example --map public=growth --map public.users=shared.users.',
      },
    );
  }
  return { text, source, target };
}

function parseName(text: string): MapRule['source'] | undefined {
  const qualified = parseQualifiedName(text.trim());
  if (qualified) return qualified;
  const match = /^(?:"((?:[^"]|"")+)"|([^.":=]+))$/.exec(text.trim());
  return match ? { schema: match[1]?.replaceAll('""', '"') ?? match[2]! } : undefined;
}
