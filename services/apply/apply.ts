import { domainSchemas } from '../../core/mapping.js';
import { topicsOf } from '../../core/topics.js';
import { ensureControlSchema } from '../../platform/control-schema.js';
import type { LoadedPipeline } from '../../platform/load-pipeline.js';
import { refuseChangedMapping } from '../../platform/mapping-version.js';
import { classify, connect, describeUrl } from '../../platform/postgres.js';
import type { ServiceContext } from '../../platform/service.js';
import { Domains } from './domains.js';

/** Brings the target's schema to where rows can be written; run again it changes nothing. @returns files that were run. */
export type PrepareTarget = (pipeline: LoadedPipeline) => Promise<readonly string[]>;

/** Apply: domain topics -> target, each domain schema on its own. Begun again, it goes on at the target's checkpoints. */
export async function apply(context: ServiceContext, prepare: PrepareTarget): Promise<void> {
  const { pipeline, log, logger, signal } = context;
  const topics = topicsOf(pipeline.name, pipeline.mappingVersion);
  const schemas = domainSchemas(pipeline.tables);
  const { partitions } = pipeline.log;
  await refuseChangedMapping(log, pipeline);
  const bySchema = new Map(schemas.map((schema) => [topics.domain(schema), schema]));
  const specs = [...bySchema.keys()].map((topic) => ({ topic, partitions }));
  await log.createTopics(specs);
  await prepareTarget(context, prepare);
  logger.info({ domains: schemas.length }, 'applying');
  context.running();
  const domains = new Domains();
  await log.share({ group: topics.group('apply'), topics: specs, signal }, (at, granted) =>
    domains.apply({ ...context, signal: granted }, bySchema.get(at.topic)!, at),
  );
}

async function prepareTarget({ pipeline, logger }: ServiceContext, prepare: PrepareTarget): Promise<void> {
  const target = await connect('target', pipeline.target.url, { applicationName: 'ferry apply' });
  try {
    await ensureControlSchema(target);
    for (const file of await prepare(pipeline)) logger.info({ file }, 'migration was run on the target');
  } catch (error) {
    throw classify('target', error, `preparing the target ${describeUrl(pipeline.target.url)}`);
  } finally {
    await target.end().catch(() => {});
  }
}
