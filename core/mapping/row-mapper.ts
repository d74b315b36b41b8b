import { copyLine, parseCopyField } from '../copy-text.js';
import { FerryError } from '../errors.js';
import { formatPlace, LINEAGE_KEY, type Lineage, type TableMapping } from '../mapping.js';
import type { RowLine, RowsLine, Tuple, Value } from '../record.js';
import { type Column, displayName, type Relation, sourceName } from '../relation.js';
import { type CompiledRule, compileRule, isConstant, lacks, type WholeRow } from './compile-rule.js';
import { isFixedSize } from './fixed-size.js';
import { RowFilter } from './row-filter.js';
import { RuleFailure, type RuleKit } from './rule-kit.js';
import { type Output, outputsOf, readColumns } from './table-rules.js';

/** A target column over one version of a relation: a source column's index, or a rule. */
type CompiledOutput =
  | { readonly column: Column; readonly index: number }
  | { readonly column: Column; readonly rule: CompiledRule };

/** OID of text: what a rule makes is text that the target's column reads. */
const TEXT = 25;

/** Maps the rows of one version of a relation by a table's rules. Pure, compiled once. */
export class RowMapper {
  readonly #relation: Relation;
  readonly #mapping: TableMapping;
  readonly #outputs: readonly CompiledOutput[];
  readonly #filter: RowFilter | undefined;

  /** @throws FerryError `mapping-invalid`, with the mapping's place, for rules that do not fit the relation. */
  constructor(relation: Relation, mapping: TableMapping, kit: RuleKit) {
    this.#relation = relation;
    this.#mapping = mapping;
    const names = relation.columns.map((column) => column.name);
    const outputs = outputsOf(mapping, names);
    const declared = new Set<string>();
    const compiled = outputs.map((output) => this.#compile(output, kit, declared));
    this.#outputs = mapping.lineage ? [...compiled, this.#lineageKey(mapping.lineage)] : compiled;
    this.#refuseLostKey();
    this.#filter = this.#compileFilter(outputs);
  }

  /** Of the target's row, in the order of its values. */
  get columns(): readonly Column[] {
    return this.#outputs.map(({ column }) => column);
  }

  /**
   * The change that the target sees of a change, its values not mapped yet.
   * @returns undefined for one of rows that do not move.
   * @throws FerryError `mapping-refused` where the change does not tell.
   */
  select(line: RowLine): RowLine | undefined {
    const { old, new: now } = line;
    // Under replica identity full the old row has what the new one leaves out.
    const whole = old && now ? { ...line, new: now.map((value, i) => (value === false ? old[i]! : value)) } : line;
    if (!this.#filter) return whole;
    try {
      return this.#filter.take(whole);
    } catch (error) {
      throw error instanceof RuleFailure ? this.#refused(undefined, now ?? old ?? line.key!, error.message) : error;
    }
  }

  /** Maps a selected change. @throws FerryError `mapping-refused` naming table, column and row. */
  row({ rel, ix, op, everywhere, key, old, new: now }: RowLine): RowLine {
    return {
      rel,
      ix,
      op,
      ...(everywhere ? { everywhere } : {}),
      ...(key ? { key: this.#key(key) } : {}),
      ...(old ? { old: this.#tuple(old) } : {}),
      ...(now ? { new: this.#tuple(now) } : {}),
    };
  }

  /** Reads a snapshot's rows, in the order of the relation's columns; null stands for a column that they have not. */
  selectRows({ columns }: RowsLine, text: Buffer): { readonly rows: readonly WholeRow[]; readonly filtered: number } {
    const lost = this.#filter?.lacks(new Set(columns));
    if (lost !== undefined) throw this.#invalid(undefined, `copied rows have no column ${lost}`);
    const places = this.#relation.columns.map(({ name }) => columns.indexOf(name));
    const rows: WholeRow[] = [];
    let filtered = 0;
    const lines = text.toString('utf8');
    for (let start = 0, end = lines.indexOf('\n'); end >= 0; start = end + 1, end = lines.indexOf('\n', start)) {
      const fields = lines.slice(start, end).split('\t');
      const row = places.map((place) => (place < 0 ? null : parseCopyField(fields[place]!)));
      if (this.#filter && !this.#filter.holds(row)) filtered++;
      else rows.push(row);
    }
    return { rows, filtered };
  }

  /** Maps selected rows of a snapshot to COPY text. @throws FerryError `mapping-refused`. */
  rows(line: RowsLine, rows: readonly WholeRow[]): { readonly line: RowsLine; readonly text: Buffer } {
    const copied = new Set(line.columns);
    const outputs = this.#outputs.filter((output) => this.#isCopied(output, copied));
    const text = rows.map((row) => copyLine(outputs.map((output) => this.#whole(output, row)))).join('');
    const body = Buffer.from(text, 'utf8');
    const columns = outputs.map(({ column }) => column.name);
    return { line: { ...line, rows: rows.length, bytes: body.length, columns }, text: body };
  }

  /** A row whose values are all known; undefined where it does not move. @throws FerryError `mapping-refused`. */
  whole(row: WholeRow): (string | null)[] | undefined {
    if (this.#filter && !this.#filter.holds(row)) return undefined;
    return this.#outputs.map((output) => this.#whole(output, row));
  }

  #compile(output: Output, kit: RuleKit, declared: Set<string>): CompiledOutput {
    const { columns, identity } = this.#relation;
    if (output.kind === 'move') {
      const index = columns.findIndex(({ name }) => name === output.column);
      const { declared: known, ...column } = columns[index]!;
      // Versions are told apart by the numbers of columns, so each number stands once.
      const first = known && !declared.has(output.column);
      declared.add(output.column);
      return { index, column: { ...column, name: output.name, ...(first ? { declared: known } : {}) } };
    }
    const rule = this.#compileRule(output, kit);
    // Every change carries its key, however large.
    const mayLack = rule.inputs.find((i) => !columns[i]!.key && !isFixedSize(columns[i]!));
    if (identity !== 'f' && rule.inputs.length > 1 && mayLack !== undefined) {
      throw this.#needsFull(output.name, columns[mayLack]!.name);
    }
    const isKey = isConstant(output.rule) && columns.some(({ key }) => key);
    return { rule, column: { name: output.name, type: TEXT, typmod: -1, key: isKey } };
  }

  /** What tells rows of the source apart, and rows of merged tables with their table: every change carries it. */
  #lineageKey({ key }: Lineage): CompiledOutput {
    const { columns, identity } = this.#relation;
    const keyed = columns.filter((column) => column.key).map(({ name }) => name);
    const isAll = identity === 'f' && keyed.length === columns.length;
    if (!key && isAll) {
      const remedy = 'Say `key: [id]`, the columns of its primary key, beside `from`.';
      throw this.#invalid(undefined, 'under REPLICA IDENTITY FULL nothing says which columns its key has', remedy);
    }
    const inputs = (key ?? keyed).map((name) => columns.findIndex((column) => column.name === name));
    const uncarried = key?.find((name) => !keyed.includes(name));
    if (uncarried !== undefined) {
      throw this.#invalid(
        undefined,
        `a change of a row does not carry ${uncarried}, of which \`key\` says that it tells rows apart`,
      );
    }
    const evaluate = (row: WholeRow) => JSON.stringify(inputs.map((i) => row[i]));
    return { rule: { inputs, evaluate }, column: { name: LINEAGE_KEY, type: TEXT, typmod: -1, key: true } };
  }

  #tuple(row: Tuple): Tuple {
    return this.#outputs.map((output): Value => {
      if ('index' in output) return row[output.index]!;
      if (!lacks(row, output.rule)) return this.#evaluate(output, row as WholeRow);
      if (output.rule.inputs.every((i) => row[i] === false)) return false;
      throw this.#refused(output.column.name, row, 'the WAL does not carry one of its values, which has not changed');
    });
  }

  /** Values of the key alone. */
  #key(row: Tuple): Tuple {
    return this.#outputs.map((output): Value => {
      if (!output.column.key) return null;
      return 'index' in output ? row[output.index]! : this.#evaluate(output, row as WholeRow);
    });
  }

  #whole(output: CompiledOutput, row: WholeRow): string | null {
    return 'index' in output ? row[output.index]! : this.#evaluate(output, row);
  }

  #evaluate(output: Extract<CompiledOutput, { rule: CompiledRule }>, row: WholeRow): string | null {
    try {
      return output.rule.evaluate(row);
    } catch (error) {
      if (error instanceof RuleFailure) throw this.#refused(output.column.name, row, error.message);
      throw error;
    }
  }

  /** A column that is copied as it is may be missing among rows that were read before it was added. */
  #isCopied(output: CompiledOutput, copied: ReadonlySet<string>): boolean {
    const { columns } = this.#relation;
    if ('index' in output) return copied.has(columns[output.index]!.name);
    const lost = output.rule.inputs.find((i) => !copied.has(columns[i]!.name));
    if (lost === undefined) return true;
    throw this.#invalid(output.column.name, `copied rows have no column ${columns[lost]!.name}`);
  }

  #compileFilter(outputs: readonly Output[]): RowFilter | undefined {
    const { where } = this.#mapping.rules ?? {};
    if (!where) return undefined;
    try {
      return new RowFilter(where.condition, this.#relation, readColumns(outputs));
    } catch (error) {
      if (!(error instanceof FerryError)) throw error;
      const message = `${formatPlace(where.place)}: ${sourceName(this.#relation)}: ${error.message}`;
      throw new FerryError(error.code, message, { details: error.details, remedy: error.remedy });
    }
  }

  #refuseLostKey(): void {
    const { identity, columns } = this.#relation;
    if (!columns.some(({ key }) => key))
      throw this.#invalid(undefined, 'a table without a key moves as it is, without rules');
    if (identity === 'f' || this.#mapping.lineage) return;
    const moved = new Set(this.#outputs.flatMap((output) => ('index' in output ? [output.index] : [])));
    const lost = columns.find((column, i) => column.key && !moved.has(i));
    if (lost)
      throw this.#invalid(
        undefined,
        `its key column ${lost.name} must move as it is: rows are found by it`,
        WITH_LINEAGE,
      );
  }

  #compileRule({ name, rule }: Extract<Output, { kind: 'rule' }>, kit: RuleKit): CompiledRule {
    try {
      return compileRule(rule, this.#relation.columns, kit);
    } catch (error) {
      throw error instanceof FerryError ? this.#invalid(name, error.message, error.remedy) : error;
    }
  }

  #placeOf(target: string | undefined): string {
    const { place, rules } = this.#mapping;
    return formatPlace((target === undefined ? undefined : rules?.places.get(target)) ?? place);
  }

  #invalid(target: string | undefined, what: string, remedy?: string): FerryError {
    const source = sourceName(this.#relation);
    const column = target === undefined ? '' : `.${target}`;
    const message = `${this.#placeOf(target)}: ${source} -> ${displayName(this.#mapping.target)}${column}: ${what}`;
    return new FerryError('mapping-invalid', message, {
      details: { table: source, column: target },
      ...(remedy === undefined ? {} : { remedy }),
    });
  }

  #needsFull(target: string, column: string): FerryError {
    const source = sourceName(this.#relation);
    return this.#invalid(
      target,
      `a change of its other columns does not carry ${column} where that is large and has not changed`,
      `ALTER TABLE ${source} REPLICA IDENTITY FULL, before the pipeline begins; or let the rule read one column.`,
    );
  }

  /** @param target the column; undefined for `where`. */
  #refused(target: string | undefined, row: Tuple, what: string): FerryError {
    const { rules, target: table } = this.#mapping;
    const source = sourceName(this.#relation);
    const keys = this.#relation.columns.flatMap(({ name, key }, i) => (key ? [`${name} = ${row[i]}`] : []));
    const key = keys.slice(0, MAX_KEY_COLUMNS).join(', ');
    const place = target === undefined && rules?.where ? formatPlace(rules.where.place) : this.#placeOf(target);
    const goal = target === undefined ? displayName(table) : `${displayName(table)}.${target}`;
    return new FerryError('mapping-refused', `${place}: ${source} -> ${goal}: the row (${key}): ${what}`, {
      details: { table: source, column: target, key },
    });
  }
}

const WITH_LINEAGE = 'Or say `lineage: true`: the target keeps then which row of the source each row is of.';

/** Under replica identity full every column counts as key. */
const MAX_KEY_COLUMNS = 4;
