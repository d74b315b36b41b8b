import { createLogger } from '../../platform/logger.js';
import { connect } from '../../platform/postgres.js';
import { loadFixture } from './fixture.js';

/**
 * Fills SOURCE_URL with a ready pipeline's old project, once.
 * Arguments: the pipeline's directory. Environment: SOURCE_URL; ROWS, about how many (default 100000).
 */
const log = createLogger('demo-fixture');
const [directory] = process.argv.slice(2);
const url = process.env.SOURCE_URL;

if (!directory || !url) {
  log.error('usage: SOURCE_URL=postgres://... fixture-main DIRECTORY');
  process.exitCode = 2;
} else if (await isFilled(url)) {
  log.info('the old project is there already');
} else {
  log.info(await loadFixture(directory, url, { rows: Number(process.env.ROWS ?? 100_000) }), 'old project made');
}

async function isFilled(source: string): Promise<boolean> {
  const client = await connect('source', source, { applicationName: 'ferry-demo-fixture' });
  try {
    const { rows } = await client.query("SELECT FROM pg_catalog.pg_tables WHERE schemaname = 'public' LIMIT 1");
    return rows.length > 0;
  } finally {
    await client.end();
  }
}
