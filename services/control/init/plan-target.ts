import { FerryError } from '../../../core/errors.js';
import { displayName, type QualifiedName } from '../../../core/relation.js';
import { NameBook } from '../../../core/schema/name-book.js';
import { quoteIdentifier } from '../../../platform/postgres.js';
import type { CatalogType } from '../preflight/catalog.js';
import { type AfterCopyDdl, afterCopyDdl } from './after-copy-ddl.js';
import type { AssignedTable, LeftTable } from './assign-tables.js';
import { concatDdl, type DdlContext } from './ddl-context.js';
import { replicaIdentityDdl } from './index-ddl.js';
import { obstacleFinder } from './obstacles.js';
import type { MapRule } from './parse-map.js';
import { type NeededExtension, planExtensions } from './plan-extensions.js';
import { type MovedSequence, planSequences } from './plan-sequences.js';
import { type MovedType, planTypes, type TypePlan } from './plan-types.js';
import type { TargetFacts } from './read-target-facts.js';
import { type Rebinding, rebind } from './rebind.js';
import { sequenceDdl, sequenceOwnerDdl } from './sequence-ddl.js';
import type { SourceParts } from './source-parts.js';
import { tableDdl } from './table-ddl.js';
import { typeDdl } from './type-ddl.js';

export interface TargetPlan {
  /** Statements to run before the copy, each by itself harmless when run again. */
  readonly before: readonly string[];
  readonly after: Readonly<Record<keyof AfterCopyDdl, readonly string[]>>;
  /** Parts of tables that are not created. */
  readonly left: readonly LeftTable[];
}

export interface PlanInput {
  readonly tables: readonly AssignedTable[];
  readonly rules: readonly MapRule[];
  readonly types: ReadonlyMap<number, CatalogType>;
  readonly parts: SourceParts;
  readonly facts: TargetFacts;
}

/**
 * Writes the DDL of the target.
 * @throws FerryError `target-unfit` when a mapped table exists already, or needs a type that cannot be created.
 */
export function planTarget({ tables, rules, types, parts, facts }: PlanInput): TargetPlan {
  refuseExisting(tables, facts);
  const taken = tables.map(({ target }) => ({ schema: target.schema, name: target.table }));
  const typePlan = planTypes(tables, types, parts, { rules, names: new NameBook(taken) });
  refuseUnsupported(typePlan, facts);
  const relationNames = new NameBook([...facts.relations, ...taken]);
  const sequences = planSequences(parts.sequences, tables, relationNames);
  const extensions = planExtensions(typePlan.extensions, parts, facts);
  const rebinding = rebindingOf(tables, typePlan.moved, sequences, extensions);
  const moved = {
    relations: new Set([...tables.map(({ source }) => source.oid), ...sequences.map(({ sequence }) => sequence.oid)]),
    types: new Set(typePlan.moved.map(({ type }) => type.oid)),
    extensions: new Set(extensions.map(({ name }) => name)),
  };
  return write(typePlan.moved, extensions, {
    tables,
    parts,
    sequences,
    relationNames,
    rebind: (sql) => rebind(sql, rebinding),
    obstacle: obstacleFinder(parts.dependencies, moved, types),
  });
}

function write(types: readonly MovedType[], extensions: readonly NeededExtension[], context: DdlContext): TargetPlan {
  const schemas = new Set([
    ...[...types, ...context.tables].map(({ target }) => target.schema),
    ...extensions.map(({ schema }) => schema).filter((schema) => schema !== 'public' && schema !== 'pg_catalog'),
  ]);
  const typesDdl = concatDdl(types.map((type) => typeDdl(context, type)));
  const tablesDdl = concatDdl(context.tables.map((table) => tableDdl(context, table)));
  const { indexes, foreignKeys, validation } = afterCopyDdl(context);
  return {
    before: [
      ...[...schemas].sort().map((schema) => `CREATE SCHEMA IF NOT EXISTS ${quoteIdentifier(schema)}`),
      ...extensions.map(extensionDdl),
      ...typesDdl.statements,
      ...context.sequences.flatMap(sequenceDdl),
      ...tablesDdl.statements,
      ...context.sequences.flatMap(sequenceOwnerDdl),
      ...context.tables.flatMap(replicaIdentityDdl),
    ],
    after: {
      indexes: indexes.statements,
      foreignKeys: foreignKeys.statements,
      validation: validation.statements,
    },
    left: [
      ...[typesDdl, tablesDdl, indexes, foreignKeys, validation].flatMap(({ left }) => left),
      ...behaviorsLeft(context),
    ],
  };
}

/** Policies and triggers need functions and roles that only people can move. */
function behaviorsLeft({ tables, parts }: DdlContext): LeftTable[] {
  return tables.flatMap(({ source, target }) => {
    const things = parts.behaviors.find(({ table }) => table === source.oid)?.things ?? [];
    if (things.length === 0) return [];
    const reason = `not created in the target: ${things.join(', ')}`;
    return [{ table: displayName(source), reason, schema: target.schema }];
  });
}

function extensionDdl({ name, schema }: NeededExtension): string {
  return `CREATE EXTENSION IF NOT EXISTS ${quoteIdentifier(name)} WITH SCHEMA ${quoteIdentifier(schema)}`;
}

function refuseExisting(tables: readonly AssignedTable[], facts: TargetFacts): void {
  const existing = new Set(facts.relations.map(({ schema, name }) => displayName({ schema, table: name })));
  const found = tables.map(({ target }) => displayName(target)).filter((name) => existing.has(name));
  if (found.length === 0) return;
  throw new FerryError('target-unfit', `the target already has ${found.join(', ')}`, {
    remedy: 'Leave --create-target out, map to other names, or drop what is not needed.',
  });
}

/** A type that cannot be created is fine when somebody has created it under the same name. */
function refuseUnsupported({ unsupported }: TypePlan, facts: TargetFacts): void {
  const existing = new Set(facts.types.map(({ schema, name }) => displayName({ schema, table: name })));
  for (const { type, column } of unsupported) {
    const name = displayName({ schema: type.schema, table: type.name });
    if (existing.has(name)) continue;
    throw new FerryError('target-unfit', `${column} is of the type ${name}, which --create-target cannot create`, {
      remedy: `Create the type ${name} in the target first, or leave the table out of --map.`,
    });
  }
}

function rebindingOf(
  tables: readonly AssignedTable[],
  types: readonly MovedType[],
  sequences: readonly MovedSequence[],
  extensions: readonly NeededExtension[],
): Rebinding {
  const key = ({ schema, table }: QualifiedName) => JSON.stringify([schema, table]);
  const moved = new Map<string, QualifiedName>([
    ...tables.map(({ source, target }) => [key(source), target] as const),
    ...types.map(({ type, target }) => [key({ schema: type.schema, table: type.name }), target] as const),
    ...sequences.map(
      ({ sequence, target }) => [key({ schema: sequence.schema, table: sequence.name }), target] as const,
    ),
    ...extensions.flatMap(({ schema, sourceSchema, members }) =>
      schema === sourceSchema
        ? []
        : members.map((table) => [key({ schema: sourceSchema, table }), { schema, table }] as const),
    ),
  ]);
  return (name) => moved.get(key(name));
}
