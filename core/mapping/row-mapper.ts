import type { ByteWriter } from '../byte-writer.js';
import { FerryError } from '../errors.js';
import { formatPlace, type TableMapping } from '../mapping.js';
import type { RowLine, RowOp } from '../record.js';
import type { RecordScanner } from '../record-scanner.js';
import { type Column, type Relation, sourceName } from '../relation.js';
import { RowSpans } from '../row-spans.js';
import type { JsonTuple } from '../tuple-spans.js';
import { type CompiledOutput, compileOutputs } from './compile-outputs.js';
import type { WholeRow } from './compile-rule.js';
import { CopiedRows } from './copied-rows.js';
import { MadeTuple } from './made-tuple.js';
import { Refusals } from './refusals.js';
import { RowFilter } from './row-filter.js';
import { RuleFailure, type RuleKit } from './rule-kit.js';
import { type Output, outputsOf, readColumns } from './table-rules.js';

/** The change that the target sees of a change. */
export interface SelectedChange {
  readonly op: RowOp;
  readonly key: JsonTuple | undefined;
  readonly old: JsonTuple | undefined;
  readonly new: JsonTuple | undefined;
}

/**
 * Maps the rows of one version of a relation by a table's rules, from the bytes of raw records to those of domain records.
 * Compiled once; a change is selected first and then written, before the next one is selected.
 */
export class RowMapper {
  readonly #outputs: readonly CompiledOutput[];
  readonly #made: MadeTuple;
  readonly #filter: RowFilter | undefined;
  readonly #refusals: Refusals;
  readonly #change: RowSpans;
  /** Of snapshots. */
  readonly copied: CopiedRows;

  /** @throws FerryError `mapping-invalid`, with the mapping's place, for rules that do not fit the relation. */
  constructor(relation: Relation, mapping: TableMapping, kit: RuleKit) {
    const { columns } = relation;
    const refusals = new Refusals(relation, mapping);
    const outputs = outputsOf(
      mapping,
      columns.map((column) => column.name),
    );
    this.#refusals = refusals;
    this.#outputs = compileOutputs(outputs, { relation, mapping, kit, refusals });
    this.#made = new MadeTuple(this.#outputs, columns.length, refusals);
    this.#filter = compileFilter(outputs, relation, mapping);
    this.#change = new RowSpans(columns.length);
    this.copied = new CopiedRows(this.#outputs, { relation, filter: this.#filter, refusals });
  }

  /** Of the target's row, in the order of its values. */
  get columns(): readonly Column[] {
    return this.#outputs.map(({ column }) => column);
  }

  /** A row whose values are all known; undefined where it does not move. @throws FerryError `mapping-refused`. */
  whole(row: WholeRow): (string | null)[] | undefined {
    return this.#filter && !this.#filter.holds(row) ? undefined : this.#made.whole(row);
  }

  /**
   * The change that the target sees of the scanner's line, its values not mapped yet.
   * @returns undefined for one of rows that do not move.
   * @throws FerryError `mapping-refused` where the change does not tell.
   */
  select(record: Buffer, scanner: RecordScanner): SelectedChange | undefined {
    const change = this.#change;
    change.read(record, scanner);
    const { op, key, old, new: now } = change;
    // Under replica identity full the old row has what the new one leaves out.
    if (old && now) now.fillFrom(old);
    if (!this.#filter) return { op, key, old, new: now };
    const taken = this.#taken(this.#filter, scanner);
    return (
      taken && {
        op: taken.op,
        // Where there is none, the row's own values say it.
        key: taken.key && (key ?? now),
        old: taken.old && old,
        new: taken.new && now,
      }
    );
  }

  /** Writes the line of a selected change from its `op` on. @throws FerryError `mapping-refused` naming table, column and row. */
  write(out: ByteWriter, { op, key, old, new: now }: SelectedChange): void {
    const { isEverywhere } = this.#change;
    out.byte(op.charCodeAt(0));
    out.byte(QUOTE);
    if (isEverywhere) out.bytes(EVERYWHERE);
    if (key) {
      out.bytes(KEY);
      this.#made.jsonKey(out, key);
    }
    if (old) {
      out.bytes(OLD);
      this.#made.json(out, old);
    }
    if (now) {
      out.bytes(NEW);
      this.#made.json(out, now);
    }
    out.bytes(LINE_END);
  }

  #taken(filter: RowFilter, { relation, index }: RecordScanner): RowLine | undefined {
    const { op, key, old, new: now } = this.#change;
    const read = (tuple: JsonTuple) => filter.valuesOf(tuple);
    const line = {
      rel: relation,
      ix: index,
      op,
      ...(key ? { key: read(key) } : {}),
      ...(old ? { old: read(old) } : {}),
      ...(now ? { new: read(now) } : {}),
    };
    try {
      return filter.take(line);
    } catch (error) {
      const row = (now ?? old ?? key)!;
      throw error instanceof RuleFailure
        ? this.#refusals.refused(undefined, (column) => row.value(column), error.message)
        : error;
    }
  }
}

function compileFilter(outputs: readonly Output[], relation: Relation, { rules }: TableMapping): RowFilter | undefined {
  const { where } = rules ?? {};
  if (!where) return undefined;
  try {
    return new RowFilter(where.condition, relation, readColumns(outputs));
  } catch (error) {
    if (!(error instanceof FerryError)) throw error;
    const message = `${formatPlace(where.place)}: ${sourceName(relation)}: ${error.message}`;
    throw new FerryError(error.code, message, { details: error.details, remedy: error.remedy });
  }
}

const QUOTE = 0x22;
const EVERYWHERE = Buffer.from(',"everywhere":true');
const KEY = Buffer.from(',"key":');
const OLD = Buffer.from(',"old":');
const NEW = Buffer.from(',"new":');
const LINE_END = Buffer.from('}\n');
