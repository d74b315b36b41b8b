import { finished } from 'node:stream/promises';
import type pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { stagingStatements } from '../statements.js';
import type { TableShape } from '../table-shape.js';

/** Temporary tables of one session, with the columns of a target table: rows stand there before they are written. */
export class Staging {
  readonly #target: pg.Client;
  /** By target table and columns. */
  readonly #tables = new Map<string, string>();
  #made = 0;

  constructor(target: pg.Client) {
    this.#target = target;
  }

  /** What was written last has been undone, and a table that was made for it with it. */
  forget(): void {
    this.#tables.clear();
  }

  /** @returns the name of a temporary table with nothing but these rows. */
  async fill(shape: TableShape, columns: readonly string[], text: Buffer): Promise<string> {
    const id = JSON.stringify([shape.table.schema, shape.table.table, columns]);
    const known = this.#tables.get(id);
    const name = known ?? `ferry_stage_${this.#made++}`;
    const statements = stagingStatements(shape, name, columns);
    await this.#target.query(known ? statements.clear : statements.create);
    this.#tables.set(id, name);
    await copyRows(this.#target, statements.copy, text);
    return name;
  }
}

/** Runs a COPY FROM STDIN. */
export async function copyRows(target: pg.Client, sql: string, text: Buffer): Promise<void> {
  const stream = target.query(copyFrom(sql));
  stream.end(text);
  await finished(stream);
}
