import type { TableMapping } from '../mapping.js';
import type { ScopeItem } from './column-scope.js';
import { type ColumnWalk, renameColumns } from './column-walk.js';
import type { Finding } from './finding.js';
import type { Grammar, SyntaxNode } from './grammar.js';
import { indexNameIn } from './index-name.js';
import { type DumpStatement, keyOf, rangePlace, type SourceObject } from './inventory.js';
import { labelOf } from './label.js';
import type { TypeReader } from './merge/merged-columns.js';
import { type MergedTable, mergedTable } from './merge/merged-table.js';
import { Merges } from './merge/merges.js';
import { type MovedSql, moveParsed } from './move-sql.js';
import { displayPlace, type Place, samePlace } from './names.js';
import { type Plan, Relocation, type Viewpoint } from './relocation.js';
import { moveRoutine } from './routine.js';
import { routineViewpoint } from './routine-viewpoint.js';
import { renameSubjectColumns } from './subject-columns.js';
import { mappingOf } from './table-columns.js';
import { typeNamed } from './type-named.js';

/** A table, or what goes with one, that a statement is about, at one of the places that it goes to. */
export interface SubjectTable {
  readonly source: Place;
  readonly target: Place;
}

export interface MoverInput {
  readonly plan: Plan;
  readonly grammar: Grammar;
  readonly statements: readonly DumpStatement[];
  readonly mappings: readonly TableMapping[];
  /** Schemas in which extensions stand. */
  readonly extensionSchemas: readonly string[];
  /** Only what tables have that are merged behind others, to tell what is lost of them. */
  readonly isOfThoseBehind?: boolean;
}

/** Moves statements one by one, and keeps what a person has to see to. */
export class Mover {
  readonly #input: MoverInput;
  readonly findings: Finding[] = [];
  /** Objects that could not be moved, by key, with their lines: what names them cannot either. */
  readonly failed = new Map<string, number>();
  readonly merges: Merges;
  readonly #made = new Set<string>();
  readonly #merged = new Map<string, MergedTable | undefined>();
  readonly #types: TypeReader = {
    named: (type) => typeNamed(type, this.grammar),
    isEnum: (name) => {
      const [schema, own] = name.split('.');
      return own !== undefined && this.find('type', { schema: schema!, name: own })?.kind === 'enum';
    },
  };

  constructor(input: MoverInput) {
    this.#input = input;
    this.merges = new Merges(input.mappings);
  }

  get plan(): Plan {
    return this.#input.plan;
  }

  get grammar(): Grammar {
    return this.#input.grammar;
  }

  get statements(): readonly DumpStatement[] {
    return this.#input.statements;
  }

  get extensionSchemas(): readonly string[] {
    return this.#input.extensionSchemas;
  }

  /** Of a partition the one of its root, which it goes with. */
  mappingOf({ source, target }: SubjectTable): TableMapping | undefined {
    const table = this.find('relation', source);
    return table && mappingOf(table, target, { mappings: this.#input.mappings, inventory: this.plan.inventory });
  }

  /** A qualified name for SQL. */
  name({ schema, name }: Place): string {
    return `${this.grammar.identifier(schema)}.${this.grammar.identifier(name)}`;
  }

  literal(text: string): string {
    return this.grammar.literal(text);
  }

  /** A relation's name as a constant that is one. */
  regclass(place: Place): string {
    return `${this.literal(this.name(place))}::pg_catalog.regclass`;
  }

  find(kind: SourceObject['class'], place: Place): SourceObject | undefined {
    return this.plan.inventory.find(kind, place);
  }

  /** Where an object goes; none where it does not. */
  placesOf(object: SourceObject): readonly Place[] {
    return this.plan.places.get(keyOf(object)) ?? [];
  }

  /** Where an index, sequence or partition goes with a table that stands at a place. */
  placeWith(object: SourceObject, table: Place): Place | undefined {
    return this.placesOf(object).find(({ owner }) => owner && samePlace(owner, table));
  }

  /** The schemas that objects of a schema of the source go to. */
  schemasOf(source: string): string[] {
    const moved = this.plan.inventory.all().filter(({ place }) => place.schema === source);
    return [...new Set(moved.flatMap((object) => this.placesOf(object).map(({ schema }) => schema)))].sort();
  }

  /** It tells only what tables have that are merged behind others. */
  get isOfThoseBehind(): boolean {
    return this.#input.isOfThoseBehind ?? false;
  }

  /**
   * The places that a table goes to, and of which it says what stands there: of merged tables the first does. One that a
   * new project has by itself stays where it is.
   */
  targetsOf(source: Place): SubjectTable[] {
    if (!this.find('relation', source)) return this.isOfThoseBehind ? [] : [{ source, target: source }];
    return this.everyTargetOf(source).filter(
      ({ target }) => this.merges.isBehind(source, target) === this.isOfThoseBehind,
    );
  }

  /** The places that a table goes to, whichever of merged tables it is. */
  everyTargetOf(source: Place): SubjectTable[] {
    const object = this.find('relation', source);
    return object ? this.placesOf(object).map((target) => ({ source, target })) : [];
  }

  /** A table of the target that keeps lineage; undefined of any other. */
  mergedAt(target: Place): MergedTable | undefined {
    const name = displayPlace(target);
    if (!this.#merged.has(name)) {
      const mappings = this.merges.lineageAt(target);
      const made = mappings.length > 0 ? mergedTable(mappings, this.statements, this.#types) : undefined;
      this.#merged.set(name, made);
    }
    return this.#merged.get(name);
  }

  /** Keeps that a part of a table of the source is made with it at a place. */
  made(table: Place, part: TablePart): void {
    this.#made.add(JSON.stringify([displayPlace(table), part.kind, part.name]));
  }

  /** A dump makes what it comments on before that. */
  isMade(table: Place, { kind, name }: TablePart): boolean {
    return this.#made.has(JSON.stringify([displayPlace(table), kind, name]));
  }

  /** Of a table that is split: columns of it are not at this place, and all of them at another one. */
  standElsewhere(columns: readonly string[], subject: SubjectTable): boolean {
    const areAt = (place: SubjectTable) => columns.every((column) => this.columnAt(place, column) !== undefined);
    return !areAt(subject) && this.everyTargetOf(subject.source).some(areAt);
  }

  /** What a column of a table is called at one of its places; undefined where it is not there. */
  columnAt({ source, target }: SubjectTable, column: string): string | undefined {
    const object = this.find('relation', source);
    if (!object?.columns) return column;
    const { changes } = this.plan.columnsOf(object, target);
    return changes.has(column) ? changes.get(column) : column;
  }

  /** What an index of a table, or a constraint, is called at a place: where it makes an index, its name may be taken there. */
  indexName(name: string, { source, target }: SubjectTable): string {
    const index = this.find('relation', { schema: source.schema, name });
    const isOwn = index?.kind === 'index' && samePlace(index.owner!, source);
    return (isOwn && this.placeWith(index, target)?.name) || name;
  }

  /** @returns undefined where it cannot be moved; that is a finding then. */
  moveAbout(statement: DumpStatement, subject: SubjectTable): string | undefined {
    const item = this.#itemOf(subject);
    return this.#checked(statement, { path: [], subject }, (names) =>
      moveParsed(statement.sql, { names, grammar: this.grammar }, ([node], walk) => {
        this.#renameIndex(node!, subject, walk);
        renameSubjectColumns(node!, { item, walk });
      }),
    );
  }

  /** @param schema where it goes. */
  move(statement: DumpStatement, schema: string | undefined): string | undefined {
    return this.#checked(statement, { path: [], schema }, (names) =>
      moveParsed(statement.sql, { names, grammar: this.grammar }, (nodes, walk) => renameColumns(nodes, [], walk)),
    );
  }

  moveRoutine(statement: DumpStatement, schema: string): string | undefined {
    const { path, scope } = routineViewpoint(statement, this);
    return this.#checked(statement, { path, schema }, (names) =>
      moveRoutine(statement.sql, {
        names,
        grammar: this.grammar,
        extensionSchemas: this.extensionSchemas,
        scope,
      }),
    );
  }

  /**
   * Makes an object that goes to one place. Where it has none it is said why; where it cannot be moved, what names it
   * cannot either.
   */
  moveObject(
    statement: DumpStatement,
    object: SourceObject,
    move: (place: Place) => string | undefined,
  ): { readonly sql: string; readonly place: Place } | undefined {
    const [place] = this.placesOf(object);
    if (!place) {
      this.#leaveUnplaced(statement, object);
      return undefined;
    }
    const sql = move(place);
    if (sql !== undefined) return { sql, place };
    this.failed.set(keyOf(object), statement.line);
    return undefined;
  }

  /** Of one that could not be moved it has been said. */
  #leaveUnplaced(statement: DumpStatement, object: SourceObject): void {
    const reason = this.plan.reasons.get(keyOf(object));
    if (reason !== undefined && reason !== CANNOT_MOVE) this.leave(statement, labelOf(statement), `it ${reason}`, LEFT);
  }

  leave({ line }: DumpStatement, object: string, why: string, remedy: string): void {
    this.findings.push({ kind: 'left', object, line, why, remedy });
  }

  look({ line }: DumpStatement, object: string, why: string, remedy: string): void {
    this.findings.push({ kind: 'look', object, line, why, remedy });
  }

  #checked(statement: DumpStatement, from: Viewpoint, move: (names: Relocation) => MovedSql): string | undefined {
    const names = new Relocation(this.plan, from);
    const { sql, problems, remarks } = move(names);
    const all = [...names.missing, ...problems];
    const object = labelOf(statement);
    const at = this.#whichOf(from);
    for (const why of new Set(remarks)) this.look(statement, object, at + why, LOOK);
    if (all.length === 0 && sql !== undefined) return sql;
    this.leave(statement, object, at + [...new Set(all)].join('; '), LEFT);
    return undefined;
  }

  /** Of a table that goes to several, which one is meant. */
  #whichOf({ subject }: Viewpoint): string {
    return subject && this.everyTargetOf(subject.source).length > 1 ? `at ${displayPlace(subject.target)}, ` : '';
  }

  #itemOf({ source, target }: SubjectTable): ScopeItem {
    const object = this.find('relation', source);
    const table = object?.columns ? this.plan.columnsOf(object, target) : undefined;
    return {
      alias: source.name,
      schema: source.schema,
      ...(target.name === source.name ? {} : { newAlias: target.name }),
      ...(table ? { table } : {}),
    };
  }

  /** Indexes, and constraints that make one, get another name where theirs is taken in the schema. */
  #renameIndex(statement: SyntaxNode, { source, target }: SubjectTable, walk: ColumnWalk): void {
    const { node, field } = indexNameIn(statement) ?? {};
    const name = node?.[field!];
    if (typeof name !== 'string') return;
    const to = this.indexName(name, { source, target });
    if (to === name) return;
    node![field!] = to;
    walk.edits.push({ from: [name], to: [to] });
  }
}

/** What is made with a table, by its name in the source. */
export interface TablePart {
  /** Constraints and indexes are one kind. */
  readonly kind: 'index' | 'statistics' | 'trigger' | 'policy' | 'rule';
  readonly name: unknown;
}

export const tableOf = (statement: DumpStatement, field = 'relation'): Place => rangePlace(statement.node[field]);

/** The reason of what has been tried. */
export const CANNOT_MOVE = 'cannot be moved itself';

const LEFT = 'Write it by hand, in a migration of its own behind these.';
const LOOK = 'Look at it in the file, and correct it there before it runs.';
