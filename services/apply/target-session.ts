import type pg from 'pg';
import { APPLIES } from '../../core/way-back.js';
import type { LoadedPipeline } from '../../platform/load-pipeline.js';
import type { Logger } from '../../platform/logger.js';
import { connect } from '../../platform/postgres.js';
import { watchSession } from '../../platform/session-watch.js';

/** Opens a session that writes as apply does: foreign keys and user triggers do not fire, where the role may say so. */
export async function openTarget(
  { pipeline, logger }: { readonly pipeline: LoadedPipeline; readonly logger: Logger },
  schema: string,
): Promise<pg.Client> {
  const target = await connect('target', pipeline.target.url, {
    applicationName: `ferry apply ${schema}`,
    // A commit that the target forgets in a crash is forgotten with its checkpoint, and comes again from the log.
    settings: { synchronous_commit: 'off' },
  });
  watchSession(target, { side: 'target', url: pipeline.target.url });
  await target.query('SELECT pg_catalog.set_config($1, $2, false)', [APPLIES, pipeline.name]);
  try {
    await target.query("SET session_replication_role = 'replica'");
  } catch {
    logger.warn(
      { schema },
      'the role may not set session_replication_role: foreign keys and triggers of the target fire',
    );
  }
  return target;
}
