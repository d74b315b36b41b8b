import { domainSchemas } from '../../core/mapping.js';
import { topicsOf } from '../../core/topics.js';
import { workOnAll } from '../../platform/event-log/granted-work.js';
import { type TransformContext, transformPartition } from './transform-partition.js';

/**
 * Fills the domain topics of a version of the mapping that no service works with yet, from where they end, until the
 * signal fires. It joins no consumer group and reports nothing, so the pipeline's own transform does not hear of it.
 * @throws FerryError what a partition needs the operator for, and what may pass: whoever ordered the work sees to it.
 */
export async function transformBeside(context: TransformContext): Promise<void> {
  const { pipeline, log, signal } = context;
  const topics = topicsOf(pipeline.name, pipeline.mappingVersion);
  const { partitions } = pipeline.log;
  await log.createTopics(
    domainSchemas(pipeline.tables).map((schema) => ({ topic: topics.domain(schema), partitions })),
  );
  await workOnAll({ topics: [{ topic: topics.raw, partitions }], signal }, (at, granted) =>
    transformPartition({ ...context, signal: granted }, at.partition),
  );
}
