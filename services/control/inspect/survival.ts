import type { UnqualifiedNames } from '../../../core/inspect/hardcoded.js';
import type { Reference } from '../../../core/inspect/table-facts.js';
import type { LeftTable } from '../init/assign-tables.js';
import type { BehaviorPart } from '../init/source-parts.js';
import type { Catalog, CatalogTable } from '../preflight/catalog.js';
import { counted, type Finding, listed } from '../preflight/finding.js';
import { kindObstacle } from '../preflight/table-kind.js';
import type { SourceFacts } from './source-facts.js';

/** A finding about the source: what does not come along by itself, and what to do about it. */
export type ObjectFinding = Omit<Finding, 'side'>;

/** What the findings are made from. */
export interface SurvivalInput {
  readonly facts: SourceFacts;
  readonly catalog: Catalog;
  /** Tables that a domain is proposed for. */
  readonly tables: readonly CatalogTable[];
  /** Their domain schemas, by `schema.table`. */
  readonly schemas: ReadonlyMap<string, string>;
  readonly left: readonly LeftTable[];
  readonly behaviors: readonly BehaviorPart[];
  readonly unqualified: readonly UnqualifiedNames[];
  readonly references: readonly Reference[];
}

/** Reasons and remedies of preflight; those of a key have their remedy in the reason. */
function unmovable({ left, catalog }: SurvivalInput): ObjectFinding[] {
  return left.map(({ table: name, reason }) => {
    const table = catalog.tables.get(name);
    return finding('table', 'error', name, reason, table && kindObstacle(table)?.remedy);
  });
}

/** What will not survive a move, table by table and object by object. Errors keep a table from being moved at all. */
export function findLosses(input: SurvivalInput): ObjectFinding[] {
  return [
    ...unmovable(input),
    ...behaviors(input),
    ...generated(input),
    ...views(input),
    ...functions(input),
    ...crossings(input),
    ...sequences(input),
    ...extensions(input),
    ...serverWide(input),
  ];
}

function finding(
  check: string,
  level: Finding['level'],
  object: string,
  message: string,
  remedy?: string,
): ObjectFinding {
  return { check, level, object, message, ...(remedy === undefined ? {} : { remedy }) };
}

function behaviors({ behaviors: parts, tables }: SurvivalInput): ObjectFinding[] {
  const nameOf = new Map(tables.map((table) => [table.oid, `${table.schema}.${table.table}`]));
  return parts.flatMap(({ table, things }) => {
    const name = nameOf.get(table);
    return name === undefined || things.length === 0
      ? []
      : [finding('policy-trigger', 'warn', name, summarize(things), 'Write them for the target by hand.')];
  });
}

/** `trigger a`, `policy b`, `policy c` -> `1 trigger: a; 2 policies: b, c`. */
function summarize(things: readonly string[]): string {
  const kinds = new Map<string, string[]>();
  for (const thing of things) {
    const [, kind, name] = /^(trigger|policy|rule) (.*)$/s.exec(thing) ?? [];
    if (kind === undefined) kinds.set(thing, []);
    else kinds.set(kind, [...(kinds.get(kind) ?? []), name!]);
  }
  return [...kinds]
    .map(([kind, names]) => {
      if (names.length === 0) return kind;
      const many = kind === 'policy' ? 'policies' : `${kind}s`;
      return `${names.length} ${names.length === 1 ? kind : many}: ${listed(names)}`;
    })
    .join('; ');
}

/** The WAL does not carry them: the target computes them itself, or has an ordinary column of that name left empty. */
function generated({ tables }: SurvivalInput): ObjectFinding[] {
  return tables.flatMap(({ schema, table, columns }) => {
    const found = columns.filter((column) => column.generated !== '').map(({ name }) => name);
    const message = `computed by the target, not copied: ${found.join(', ')}`;
    return found.length === 0 ? [] : [finding('generated-column', 'warn', `${schema}.${table}`, message)];
  });
}

function views({ facts, schemas }: SurvivalInput): ObjectFinding[] {
  const readsOf = new Map(facts.views.map(({ name, reads }) => [name, reads]));
  const tablesOf = (view: string, seen: ReadonlySet<string> = new Set()): string[] =>
    (readsOf.get(view) ?? []).flatMap((name) =>
      readsOf.has(name) && !seen.has(name) ? tablesOf(name, new Set([...seen, view])) : [name],
    );
  return facts.views.map(({ name }) => {
    const domains = new Set(tablesOf(name).flatMap((table) => schemas.get(table) ?? []));
    return domains.size > 1
      ? finding(
          'view',
          'warn',
          name,
          `reads tables of several domains: ${[...domains].sort().join(', ')}`,
          'Say in which of them it shall stand.',
        )
      : finding(
          'view',
          'warn',
          name,
          `is made anew in the target: ${[...domains][0] ?? 'it reads no table that moves'}`,
        );
  });
}

function functions({ facts, unqualified }: SurvivalInput): ObjectFinding[] {
  const settings = facts.functions.flatMap(({ object, settings: all }) =>
    all
      .filter((setting) => /^search_path=/.test(setting) && /\w/.test(setting.slice('search_path='.length)))
      .map((setting) =>
        finding('function', 'warn', object, `has the schemas of the source in its settings: ${setting}`),
      ),
  );
  const silent = unqualified.map(({ object, tables }) =>
    finding(
      'function',
      'warn',
      object,
      `finds by search_path alone: ${listed(tables)}`,
      'Write the schema before each name.',
    ),
  );
  return [...settings, ...silent];
}

/** Foreign keys that will stand between two domains, or to what stays behind. */
function crossings({ references, schemas, tables }: SurvivalInput): ObjectFinding[] {
  const own = new Set(tables.map(({ schema, table }) => `${schema}.${table}`));
  return references.flatMap(({ from, to, columns }) => {
    const [a, b] = [schemas.get(from), schemas.get(to)];
    const columnList = columns.join(', ');
    if (a === undefined || !own.has(from)) return [];
    if (b === undefined) {
      return [
        finding(
          'foreign-key',
          'warn',
          from,
          `(${columnList}) refers to ${to}, which does not move`,
          'The target needs those rows before the key is added.',
        ),
      ];
    }
    return a === b ? [] : [finding('foreign-key', 'ok', from, `(${columnList}) will refer from ${a} to ${b}`)];
  });
}

function sequences({ facts, schemas }: SurvivalInput): ObjectFinding[] {
  return facts.sequences.map(({ name, users }) => {
    const domains = new Set(users.flatMap((table) => schemas.get(table) ?? []));
    if (users.length === 0) {
      return finding(
        'sequence',
        'warn',
        name,
        'no column owns or uses it: the cutover does not set it',
        'Set it by hand, or drop it.',
      );
    }
    const where = domains.size > 1 ? `, tables of several domains: ${[...domains].sort().join(', ')}` : '';
    return finding(
      'sequence',
      'warn',
      name,
      `no column owns it; used by ${listed(users)}${where}`,
      `ALTER SEQUENCE ... OWNED BY, or see that the target has it.`,
    );
  });
}

/** Types of extensions that columns are of, with the tables that need them. */
function extensions({ catalog, tables }: SurvivalInput): ObjectFinding[] {
  const needed = new Map<string, Set<string>>();
  for (const { schema, table, columns } of tables) {
    for (const { type } of columns) {
      const found = catalog.types.get(type);
      const extension = found?.extension ?? catalog.types.get(found?.element ?? 0)?.extension;
      if (extension) needed.set(extension, (needed.get(extension) ?? new Set()).add(`${schema}.${table}`));
    }
  }
  return [...needed].map(([extension, users]) =>
    finding(
      'extension',
      'warn',
      extension,
      `columns of ${listed([...users])} are of its types`,
      `CREATE EXTENSION in the target before its tables.`,
    ),
  );
}

function serverWide({ facts, tables }: SurvivalInput): ObjectFinding[] {
  const inherited = facts.inheritance.map(({ parent, child }) =>
    finding('inheritance', 'warn', child, `inherits from ${parent}; the two are moved as two tables`),
  );
  const pointers = tables.flatMap(({ schema, table, columns }) =>
    columns.filter(({ typeText }) => /(^|\.)(oid|lo)$/.test(typeText)).map(({ name }) => `${schema}.${table}.${name}`),
  );
  const objects = pointers.length > 0 ? `; columns that may point to them: ${listed(pointers)}` : '';
  return [
    ...inherited,
    ...(facts.largeObjects > 0
      ? [
          finding(
            'large-objects',
            'warn',
            'pg_largeobject',
            `${counted(facts.largeObjects, 'large object')}, which no WAL stream carries${objects}`,
            'Move them by pg_dump --large-objects, or into bytea columns first.',
          ),
        ]
      : []),
    ...facts.eventTriggers.map((name) => finding('event-trigger', 'warn', name, 'not created in the target')),
    ...facts.publications.map((name) =>
      finding('publication', 'warn', name, 'others may read it: the target needs it with the new names'),
    ),
  ];
}
