import { toFerryError } from '../../core/errors.js';
import { domainSchemas } from '../../core/mapping.js';
import { topicsOf } from '../../core/topics.js';
import { takeMappingVersion } from '../../platform/mapping-version.js';
import type { ServiceContext } from '../../platform/service.js';
import { transformPartition } from './transform-partition.js';

/** Transform: raw topic -> domain topics, each partition on its own, shared with the other instances. */
export async function transform(context: ServiceContext): Promise<void> {
  const { pipeline, log, signal } = context;
  const topics = topicsOf(pipeline.name, pipeline.mappingVersion);
  const schemas = domainSchemas(pipeline.tables);
  const { partitions } = pipeline.log;
  await takeMappingVersion(log, pipeline);
  await log.createTopics([topics.raw, ...schemas.map(topics.domain)].map((topic) => ({ topic, partitions })));
  context.running();
  await log.share(
    { group: topics.group('transform'), topics: [{ topic: topics.raw, partitions }], signal },
    (at, granted) =>
      transformPartition({ ...context, signal: granted }, at.partition).catch((error: unknown) => {
        const { code, message } = toFerryError(error);
        if (code === 'log-regressed') context.logger.warn({ ...at, code }, message);
        throw error;
      }),
  );
}
