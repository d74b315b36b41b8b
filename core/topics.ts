/** Topic names of a pipeline, whatever its mapping; the same over every log driver. */
export interface PipelineTopics {
  readonly raw: string;
  readonly deadLetter: string;
  readonly control: string;
}

/** With those that are made by a version of its mapping. */
export interface Topics extends PipelineTopics {
  /** Of the mapping that the domain topics are made by. */
  readonly version: number;
  domain(schema: string): string;
  /** The consumer group of a service that works with the domain topics. */
  group(service: 'transform' | 'apply'): string;
}

/** Kafka allows letters, digits, `.`, `_` and `-`; anything else in a schema's name is written as `_xHEX_`. */
function topicPart(schema: string): string {
  return schema.replaceAll(/[^A-Za-z0-9._-]/g, (char) => `_x${char.codePointAt(0)!.toString(16)}_`);
}

/** @param version of the mapping: each has domain topics of its own, and so groups of its own. */
export function topicsOf(pipeline: string, version: number): Topics;
export function topicsOf(pipeline: string): PipelineTopics;
export function topicsOf(pipeline: string, version = 1): Topics {
  const suffix = versionSuffix(version);
  return {
    raw: `${pipeline}.raw`,
    deadLetter: `${pipeline}.dead-letter`,
    control: `${pipeline}.control`,
    version,
    domain: (schema) => `${pipeline}.domain${suffix}.${topicPart(schema)}`,
    group: (service) => `${pipeline}.${service}${suffix}`,
  };
}

/** What tells things of a later version of the mapping from those of the first. */
export function versionSuffix(version: number): string {
  return version === 1 ? '' : `-${version}`;
}

export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

/** A partition's name, for messages and as a key of the control state. */
export function partitionName({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`;
}

/** Every partition of a topic, or of several. */
export function partitionsOf(topics: readonly string[], partitions: number): TopicPartition[] {
  return topics.flatMap((topic) => Array.from({ length: partitions }, (_, partition) => ({ topic, partition })));
}

/** What belongs to a partition, out of a list of what belongs to each. */
export function ofPartition<T extends TopicPartition>(list: readonly T[], at: TopicPartition): T | undefined {
  return list.find(({ topic, partition }) => topic === at.topic && partition === at.partition);
}

/** Every slot, publication and trigger of a pipeline is named after it; PostgreSQL slots allow `[a-z0-9_]` only. */
export function sourceObjectName(pipeline: string): string {
  return `ferry_${pipeline.replaceAll('-', '_')}`;
}
