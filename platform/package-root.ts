import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FerryError } from '../core/errors.js';

/** The directory of our package.json, from the sources as from dist/: config/ stands beside it in both. */
export function packageRoot(): string {
  let directory = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(directory, 'package.json'))) {
    const parent = dirname(directory);
    if (parent === directory) {
      throw new FerryError('internal', `no package.json above ${fileURLToPath(import.meta.url)}`);
    }
    directory = parent;
  }
  return directory;
}

/** As package.json says it. */
export function packageVersion(): string {
  const { version } = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as { version: string };
  return version;
}
