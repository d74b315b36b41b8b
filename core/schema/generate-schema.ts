import type { TableMapping } from '../mapping.js';
import { writeRoles, writeUsage } from './access.js';
import { earlyRoutines } from './early-routines.js';
import type { Finding } from './finding.js';
import type { Grammar } from './grammar.js';
import { type DumpStatement, extensionSchemasOf, type Inventory, inventoryOf, keyOf } from './inventory.js';
import { labelOf } from './label.js';
import { CANNOT_MOVE, Mover } from './mover.js';
import { identityPlaces } from './objects/identity.js';
import type { Written } from './phase.js';
import { type Placement, type PlacementChoices, type PlacementNote, placeObjects } from './placement.js';
import { referencesOf } from './references.js';
import type { Plan } from './relocation.js';
import { exposeSchemas, isManagedSchema } from './supabase.js';
import { supabaseFindings } from './supabase-findings.js';
import { tableColumns } from './table-columns.js';
import { type StatementContext, writeStatement } from './write-statement.js';

export interface SchemaInput {
  /** Of a schema-only dump, in its order. */
  readonly statements: readonly DumpStatement[];
  readonly mappings: readonly TableMapping[];
  readonly choices: PlacementChoices;
  /** What extensions have made: class and name, as JSON, -> schema. */
  readonly members: ReadonlyMap<string, string>;
}

export interface GeneratedSchema {
  /** In an order in which they run. */
  readonly written: readonly Written[];
  readonly findings: readonly Finding[];
  readonly notes: readonly PlacementNote[];
}

/** The target's schema, made out of the source's: each object moved to where the mapping says, or listed with the reason. */
export function generateSchema(input: SchemaInput, grammar: Grammar): GeneratedSchema {
  const mapped = new Set(input.mappings.map(({ source }) => source.schema));
  const inventory = inventoryOf(input.statements, (schema) => isOurs(schema, mapped));
  const references = referencesOf(input.statements, inventory, grammar);
  const placement = placeObjects(inventory, references, { tables: input.mappings, choices: input.choices });
  const early = earlyRoutines(input.statements, { inventory, references, grammar });
  const kept: Finding[] = [];
  const places = new Map(placement.places);
  const reasons = new Map(placement.reasons);
  for (const [sequence, made] of identityPlaces(moverOf(input, { inventory, placement, grammar }))) {
    if (made.length > 0) places.set(keyOf(sequence), made);
    else if (places.delete(keyOf(sequence))) reasons.set(keyOf(sequence), 'is of a column that has no identity there');
  }
  for (;;) {
    const parts = { inventory, placement: { ...placement, places, reasons }, grammar };
    const mover = moverOf(input, parts);
    const written = input.statements.flatMap((statement) => writeStatement(statement, { mover, early }));
    if (mover.failed.size === 0) {
      leaveOfThoseBehind(input, { mover, written, behind: moverOf(input, { ...parts, isOfThoseBehind: true }), early });
      return finished(input, { mover, written, kept, notes: placement.notes });
    }
    // What names what cannot be moved cannot be moved either: once more without it.
    const lines = new Set(mover.failed.values());
    kept.push(...mover.findings.filter(({ kind, line }) => kind === 'left' && lines.has(line)));
    for (const key of mover.failed.keys()) {
      places.delete(key);
      reasons.set(key, CANNOT_MOVE);
    }
  }
}

/** What a Supabase project has by itself is not ours, unless the mapping says so. */
const isOurs = (schema: string, mapped: ReadonlySet<string>): boolean =>
  mapped.has(schema) || !(isManagedSchema(schema) || SYSTEM.test(schema));

const SYSTEM = /^(pg_|information_schema$|ferry$)/;

interface Parts {
  readonly inventory: Inventory;
  readonly placement: Placement;
  readonly grammar: Grammar;
  readonly isOfThoseBehind?: boolean;
}

function moverOf({ statements, mappings, members }: SchemaInput, parts: Parts): Mover {
  const { inventory, placement, grammar, isOfThoseBehind } = parts;
  const { places, reasons } = placement;
  const plan: Plan = {
    inventory,
    places,
    reasons,
    members,
    columnsOf: (table, target) => tableColumns(table, target, { mappings, inventory }),
  };
  const extensionSchemas = extensionSchemasOf(statements);
  return new Mover({ plan, grammar, statements, mappings, extensionSchemas, isOfThoseBehind });
}

/** What tables have that are merged behind others; what they only say again of their rows is not lost. */
const OF_TABLES: ReadonlySet<string> = new Set([
  ...['AlterTableStmt', 'IndexStmt', 'CreateStatsStmt', 'CreateTrigStmt', 'RuleStmt', 'CreatePolicyStmt', 'GrantStmt'],
  'AlterPublicationStmt',
]);

/** Lists what a table that is merged behind another has, and the first one has not. */
function leaveOfThoseBehind(
  { statements }: SchemaInput,
  known: StatementContext & { readonly written: readonly Written[]; readonly behind: Mover },
): void {
  const { mover, behind, early, written } = known;
  const made = new Set(written.map(({ sql }) => sql));
  for (const statement of statements.filter(({ kind }) => OF_TABLES.has(kind))) {
    const before = behind.findings.length;
    const own = writeStatement(statement, { mover: behind, early });
    if (behind.findings.length === before && own.every(({ sql }) => made.has(sql))) continue;
    mover.leave(
      statement,
      labelOf(statement),
      BEHIND,
      'Write it for the one table, if it shall hold for all of its rows.',
    );
  }
}

const BEHIND = 'its table is merged into another one, which has those of the first of its tables';

interface Round {
  readonly mover: Mover;
  readonly written: readonly Written[];
  readonly kept: readonly Finding[];
  readonly notes: readonly PlacementNote[];
}

function finished({ statements }: SchemaInput, { mover, written, kept, notes }: Round): GeneratedSchema {
  const { places } = mover.plan;
  const schemas = [...new Set([...places.values()].flat().map(({ schema }) => schema))].sort();
  const all = [...written, ...writeUsage(mover)];
  const { roles, findings } = writeRoles(all, mover);
  const made = schemas.map(
    (schema): Written => ({
      phase: 'schemas_and_types',
      sql: `CREATE SCHEMA IF NOT EXISTS ${mover.grammar.identifier(schema)}`,
    }),
  );
  const usesApi = roles.some(({ sql }) => /'(anon|authenticated)'/.test(sql));
  const api = usesApi ? exposeSchemas(schemas, mover.grammar) : [];
  return {
    written: [...roles, ...made, ...all, ...api.map((sql): Written => ({ phase: 'comments_and_publications', sql }))],
    findings: [...kept, ...mover.findings, ...findings, ...supabaseFindings(statements, mover)].sort(
      (a, b) => a.line - b.line,
    ),
    notes: notes.filter(({ to }) => schemas.includes(to.schema)),
  };
}
