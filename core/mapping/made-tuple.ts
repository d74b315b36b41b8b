import type { ByteWriter } from '../byte-writer.js';
import { copyField } from '../copy-text.js';
import type { Value } from '../record.js';
import { type CopyTuple, type JsonTuple, SPAN, type TupleSpans } from '../tuple-spans.js';
import type { CompiledOutput } from './compile-outputs.js';
import { type CompiledRule, lacks, type WholeRow } from './compile-rule.js';
import type { Refusals } from './refusals.js';
import { RuleFailure } from './rule-kit.js';

/** Side by side in the target's row: source columns that stand so in the source's, or one column that a rule makes. */
interface Part {
  readonly first: number;
  readonly last: number;
  readonly name: string;
  readonly rule: CompiledRule | undefined;
}

/** How a tuple is written. */
interface Format {
  readonly separator: number;
  /** Around text; 0 for none. */
  readonly quote: number;
  readonly null: Buffer;
  /** A value, with what stands around it. */
  text(value: string): string;
}

const JSON_FORMAT: Format = {
  separator: 0x2c,
  quote: 0x22,
  null: Buffer.from('null'),
  text: (value) => JSON.stringify(value),
};
const COPY_FORMAT: Format = { separator: 0x09, quote: 0, null: Buffer.from('\\N'), text: copyField };
const UNCHANGED = Buffer.from('false');
const [BRACKET, BRACKET_END, NEWLINE] = [0x5b, 0x5d, 0x0a];

/**
 * Makes the target's tuples of the source's. Columns that move are copied as bytes, as many at once as stand side by side;
 * rules work on bytes as well, as long as all that they read is plain text.
 */
export class MadeTuple {
  readonly #outputs: readonly CompiledOutput[];
  readonly #parts: readonly Part[];
  readonly #refusals: Refusals;
  /** By column: of the tuple that is made, what the rule at work reads of it. */
  readonly #row: Value[];

  constructor(outputs: readonly CompiledOutput[], columns: number, refusals: Refusals) {
    this.#outputs = outputs;
    this.#parts = partsOf(outputs);
    this.#refusals = refusals;
    this.#row = Array<Value>(columns).fill(null);
  }

  /** A row whose values are all known. @throws FerryError `mapping-refused`. */
  whole(row: WholeRow): (string | null)[] {
    return this.#outputs.map((output) => {
      if ('index' in output) return row[output.index]!;
      try {
        return output.rule.evaluate(row);
      } catch (error) {
        throw this.#refused(error, output.column.name, (column) => row[column]!);
      }
    });
  }

  /** Writes an old or a new row. @throws FerryError `mapping-refused`. */
  json(out: ByteWriter, tuple: JsonTuple): void {
    out.byte(BRACKET);
    this.#write(out, tuple, JSON_FORMAT);
    out.byte(BRACKET_END);
  }

  /** Writes the values of the key alone. */
  jsonKey(out: ByteWriter, tuple: JsonTuple): void {
    for (const [i, output] of this.#outputs.entries()) {
      out.byte(i === 0 ? BRACKET : JSON_FORMAT.separator);
      if (!output.column.key) out.bytes(JSON_FORMAT.null);
      else if ('index' in output) out.bytes(tuple.bytes, tuple.starts[output.index]!, tuple.ends[output.index]!);
      else this.#writeMade(out, tuple, output.rule, output.column.name, JSON_FORMAT);
    }
    out.byte(BRACKET_END);
  }

  /** Writes a row of COPY text. @throws FerryError `mapping-refused`. */
  copy(out: ByteWriter, tuple: CopyTuple): void {
    this.#write(out, tuple, COPY_FORMAT);
    out.byte(NEWLINE);
  }

  #write(out: ByteWriter, tuple: TupleSpans, format: Format): void {
    const { bytes, starts, ends, isInOrder } = tuple;
    const parts = this.#parts;
    for (let i = 0; i < parts.length; i++) {
      const part = parts[i]!;
      if (i > 0) out.byte(format.separator);
      if (part.rule) {
        this.#writeMade(out, tuple, part.rule, part.name, format);
      } else if (isInOrder) {
        out.bytes(bytes, starts[part.first]!, ends[part.last]!);
      } else {
        for (let column = part.first; column <= part.last; column++) {
          if (column > part.first) out.byte(format.separator);
          out.bytes(bytes, starts[column]!, ends[column]!);
        }
      }
    }
  }

  #writeMade(out: ByteWriter, tuple: TupleSpans, rule: CompiledRule, name: string, format: Format): void {
    try {
      if (rule.write && isPlain(tuple, rule.inputs)) {
        const before = out.length;
        if (format.quote) out.byte(format.quote);
        if (rule.write(out, tuple)) {
          if (format.quote) out.byte(format.quote);
        } else {
          out.truncate(before);
          out.bytes(format.null);
        }
        return;
      }
      const value = this.#make(tuple, rule);
      if (value === false) out.bytes(UNCHANGED);
      else if (value === null) out.bytes(format.null);
      else out.text(format.text(value));
    } catch (error) {
      throw this.#refused(error, name, (column) => tuple.value(column));
    }
  }

  #make(tuple: TupleSpans, rule: CompiledRule): Value {
    const row = this.#row;
    for (const column of rule.inputs) row[column] = tuple.value(column);
    if (!lacks(row, rule)) return rule.evaluate(row as WholeRow);
    if (rule.inputs.every((i) => row[i] === false)) return false;
    throw new RuleFailure('the WAL does not carry one of its values, which has not changed');
  }

  #refused(error: unknown, name: string, valueAt: (column: number) => Value): unknown {
    return error instanceof RuleFailure ? this.#refusals.refused(name, valueAt, error.message) : error;
  }
}

function isPlain({ kinds }: TupleSpans, columns: readonly number[]): boolean {
  for (const column of columns) {
    const kind = kinds[column];
    if (kind !== SPAN.plain && kind !== SPAN.null) return false;
  }
  return true;
}

function partsOf(outputs: readonly CompiledOutput[]): Part[] {
  const parts: Part[] = [];
  for (const output of outputs) {
    const { name } = output.column;
    const before = parts.at(-1);
    if ('rule' in output) parts.push({ first: -1, last: -1, name, rule: output.rule });
    else if (before && !before.rule && before.last + 1 === output.index) {
      parts[parts.length - 1] = { ...before, last: output.index };
    } else parts.push({ first: output.index, last: output.index, name, rule: undefined });
  }
  return parts;
}
