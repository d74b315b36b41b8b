/** One object of a schema-only dump, as pg_dump's comments name it. */
export interface DumpEntry {
  /** TABLE, CONSTRAINT, POLICY ... */
  readonly type: string;
  readonly schema: string;
  /** A constraint's, policy's or trigger's stands behind its table's. */
  readonly name: string;
  readonly sql: string;
}

/** `-- Name: orders; Type: TABLE; Schema: public; Owner: postgres` */
const HEADING = /^-- Name: (.*); Type: ([^;]+); Schema: ([^;]+); Owner: .*$/;

/** Takes a dump apart into its objects, in its order. */
export function dumpEntries(dump: string): DumpEntry[] {
  const entries: { type: string; schema: string; name: string; lines: string[] }[] = [];
  for (const line of dump.split('\n')) {
    const match = HEADING.exec(line);
    if (match) entries.push({ name: match[1]!, type: match[2]!, schema: match[3]!, lines: [] });
    else if (/^-- PostgreSQL database dump complete/.test(line)) entries.push({ ...NOWHERE, lines: [] });
    // It stands before the first table, wherever that is, and belongs to none.
    else if (!/^SET default_(tablespace|table_access_method) = /.test(line)) entries.at(-1)?.lines.push(line);
  }
  return entries
    .filter(({ type }) => type !== NOWHERE.type)
    .map(({ lines, ...rest }) => ({
      ...rest,
      sql: lines
        .filter((line) => line !== '--')
        .join('\n')
        .trim(),
    }));
}

/** What stands behind the last object belongs to none. */
const NOWHERE = { type: 'END', schema: '', name: '' };

export interface DumpChange {
  readonly change: 'added' | 'removed' | 'changed';
  readonly type: string;
  /** Qualified. */
  readonly name: string;
  /** Of what is changed: lines that only the one or the other has. */
  readonly lines: readonly string[];
}

export const keyOf = ({ type, schema, name }: DumpEntry): string => JSON.stringify([type, schema, name]);
const shown = ({ schema, name }: DumpEntry): string => (schema === '-' ? name : `${schema}.${name}`);

/** What is other in the later of two dumps; their order does not matter. */
export function compareDumps(before: string, after: string): DumpChange[] {
  const [old, now] = [before, after].map((dump) => byKey(dumpEntries(dump)));
  const keys = [...new Set([...old!.keys(), ...now!.keys()])].sort();
  return keys.flatMap((key): DumpChange[] => {
    const [was, is] = [old!.get(key), now!.get(key)];
    const { type } = (is ?? was)!.entry;
    const name = shown((is ?? was)!.entry);
    if (!was) return [{ change: 'added', type, name, lines: [] }];
    if (!is) return [{ change: 'removed', type, name, lines: [] }];
    return was.sql === is.sql ? [] : [{ change: 'changed', type, name, lines: differingLines(was.sql, is.sql) }];
  });
}

/** Several of one name, such as grants, count as one. */
export function byKey(entries: readonly DumpEntry[]): Map<string, { entry: DumpEntry; sql: string }> {
  const found = new Map<string, { entry: DumpEntry; sql: string }>();
  for (const entry of entries) {
    const before = found.get(keyOf(entry));
    found.set(keyOf(entry), { entry, sql: before ? `${before.sql}\n${entry.sql}` : entry.sql });
  }
  return found;
}

function differingLines(before: string, after: string): string[] {
  const [old, now] = [before, after].map((sql) => sql.split('\n').map((line) => line.trim().replace(/,$/, '')));
  return [
    ...old!.filter((line) => !now!.includes(line)).map((line) => `- ${line}`),
    ...now!.filter((line) => !old!.includes(line)).map((line) => `+ ${line}`),
  ];
}
