import { toFerryError } from '../core/errors.js';
import { type LoadedPipeline, loadPipeline } from './load-pipeline.js';
import type { Logger } from './logger.js';
import { mappingDigest } from './mapping-digest.js';

/** A service's configuration, of which the mapping may change while it runs. */
export class LiveConfiguration {
  readonly #logger: Logger;
  #pipeline: LoadedPipeline;
  #digest: string;

  constructor(pipeline: LoadedPipeline, logger: Logger) {
    this.#logger = logger;
    this.#pipeline = pipeline;
    this.#digest = mappingDigest(pipeline);
  }

  get pipeline(): LoadedPipeline {
    return this.#pipeline;
  }

  /** Of the mapping that is worked with. */
  get digest(): string {
    return this.#digest;
  }

  /**
   * Reads the files again; what is no valid configuration of this pipeline is not taken.
   * @returns whether the mapping is another one now.
   */
  async readAgain(): Promise<boolean> {
    const found = await loadPipeline(this.#pipeline.directory).catch((error: unknown) => {
      const { code, message, remedy } = toFerryError(error);
      this.#logger.warn({ code, remedy }, `the configuration was not read again: ${message}`);
      return undefined;
    });
    if (!found || found.name !== this.#pipeline.name) return false;
    const digest = mappingDigest(found);
    if (digest === this.#digest) return false;
    this.#logger.info({ mapping: digest, before: this.#digest }, 'the mapping was read again');
    const { tables, mappingVersion } = found;
    this.#pipeline = { ...this.#pipeline, tables, mappingVersion };
    this.#digest = digest;
    return true;
  }
}
