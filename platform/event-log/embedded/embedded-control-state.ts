import type { RootDatabase } from 'lmdb';
import type { ControlState } from '../port.js';
import { openEnvironment, seeNewest, writeFailed } from './environment.js';

/** The control state in an environment of its own. */
export class EmbeddedControlState implements ControlState {
  readonly #directory: string;
  readonly #database: RootDatabase<unknown, string>;

  constructor(directory: string) {
    this.#directory = directory;
    this.#database = openEnvironment(directory, 'control', 'json');
  }

  async put(key: string, value: unknown): Promise<void> {
    try {
      await this.#database.put(key, value);
    } catch (cause) {
      throw await writeFailed(this.#directory, cause);
    }
  }

  async get(key: string): Promise<unknown> {
    seeNewest(this.#database);
    return this.#database.get(key);
  }

  async entries(prefix: string): Promise<ReadonlyMap<string, unknown>> {
    const found = new Map<string, unknown>();
    seeNewest(this.#database);
    for (const { key, value } of this.#database.getRange({ start: prefix })) {
      if (!key.startsWith(prefix)) break;
      found.set(key, value);
    }
    return found;
  }

  async clear(): Promise<void> {
    await this.#database.clearAsync();
  }

  async close(): Promise<void> {
    await this.#database.close();
  }
}
