import { z } from 'zod';
import { parseQualifiedName } from '../relation.js';
import { SCHEMA_CHANGE_POLICIES } from '../schema-change.js';
import { saslSchema, tlsSchema } from './kafka-security.js';
import { tableMappingSchema } from './table-schema.js';

const positiveInt = z.number().int().positive();

/**
 * The largest row that every stage can hold, as text with what replica identity gives of the old row: Node's strings end
 * at 512 MB, and a stage has a row several times over.
 */
export const MAX_ROW_BYTES = 256 * 1024 * 1024;

const qualifiedName = z.string().transform((text, context) => {
  const name = parseQualifiedName(text);
  if (name) return name;
  context.addIssue({ code: 'custom', message: 'is not schema.name' });
  return z.NEVER;
});

/** `pipeline.yaml`. Units stand in the names; every default has its reason beside it. */
export const pipelineSchema = z.strictObject({
  pipeline: z
    .string()
    .regex(/^[a-z][a-z0-9_-]{0,40}$/, 'must be lower-case letters, digits, - and _, at most 41 characters')
    .describe('Name of the pipeline; slot, publication and topics are named after it.'),
  wayBackOf: z
    .string()
    .min(1)
    .optional()
    .describe('Directory of the pipeline that this one leads back, relative to this file; `ferry way-back` writes it.'),
  mappingVersion: positiveInt
    .default(1)
    .describe('Of mapping/*.yaml; `ferry replay --mapping` raises it. Each version has domain topics of its own.'),
  source: z.strictObject({
    url: z.string().min(1).describe('Connection URL of the old project, normally ${SOURCE_URL}.'),
  }),
  target: z.strictObject({
    url: z.string().min(1).describe('Connection URL of the new project, normally ${TARGET_URL}.'),
  }),
  log: z
    .strictObject({
      // Empty counts as absent, so that ${KAFKA_BROKERS:-} can switch between the drivers.
      brokers: z
        .union([z.array(z.string()), z.string()])
        .default([])
        .transform((value) =>
          (typeof value === 'string' ? value.split(',') : value).map((part) => part.trim()).filter(Boolean),
        )
        .describe('Kafka brokers, host:port. Without any, the embedded log in `directory` is used.'),
      directory: z.string().min(1).optional().describe('Directory of the embedded log.'),
      // With one, a domain schema is a unit of transactional consistency; with more, only each row's own order holds.
      partitions: positiveInt
        .max(64)
        .default(1)
        .describe('Of the raw topic and of each domain topic: what instances of transform and apply share.'),
      replicationFactor: positiveInt.optional().describe('Of the topics we create; the broker default otherwise.'),
      tls: tlsSchema.optional(),
      sasl: saslSchema.optional(),
    })
    .prefault({}),
  capture: z
    .strictObject({
      // One heartbeat costs the source one small commit; a second bounds how stale the lag of an idle source can be.
      heartbeatIntervalMs: positiveInt.default(1_000),
      // Large enough that the watermarks' two commits vanish beside the copy, small enough to hold a few in memory.
      snapshotChunkRows: positiveInt.default(20_000),
      snapshotChunkBytes: positiveInt.default(4 * 1024 * 1024),
      snapshotParallelTables: positiveInt.max(16).default(2),
      maxRowBytes: positiveInt
        .max(MAX_ROW_BYTES)
        .default(MAX_ROW_BYTES)
        .describe('Of a row as text; a larger one halts capture. Apply needs some 14 times as much memory.'),
      walBudgetBytes: positiveInt.optional().describe('WAL that the source may keep for the slot; none: any.'),
      onWalBudget: z
        .enum(['warn', 'throttle', 'stop'])
        .default('warn')
        .describe('Above it: say so; let the snapshot wait, too; or drop the slot, which ends the pipeline.'),
    })
    .prefault({}),
  apply: z
    .strictObject({
      // A batch is what one target transaction may fold: the log's backlog beyond it goes into the next transaction.
      batchMaxBytes: positiveInt.default(8 * 1024 * 1024),
      onRefusal: z
        .enum(['halt', 'dead-letter'])
        .default('halt')
        .describe('What follows on a change that the target refuses: its partition halts, or the change is set aside.'),
      // More refused changes than a person looks at one by one: then a table is wrong, not a row.
      deadLetterLimit: positiveInt
        .default(1_000)
        .describe('Refused changes that may stand in a domain; the next one halts it.'),
    })
    .prefault({}),
  cutover: z
    .strictObject({
      graceDays: z
        .number()
        .nonnegative()
        // A week of business shows what was forgotten.
        .default(7)
        .describe('How long `ferry finish` leaves slot, publication and fence on the old project.'),
    })
    .prefault({}),
  functions: z
    .string()
    .min(1)
    .optional()
    .describe('Module whose exports the rule `call` calls; relative to this file.'),
  schemaChanges: z
    .enum(SCHEMA_CHANGE_POLICIES)
    // Nobody knows what a change means but who made it.
    .default('halt')
    .describe(
      'When columns of a source table change: halt the table there, propagate to the target what is safe, or ignore what loses nothing.',
    ),
  schema: z
    .strictObject({
      shared: z.string().min(1).optional().describe('Where an object goes that several domain schemas use.'),
      objects: z
        .record(z.string(), qualifiedName)
        .default({})
        .transform((objects) => new Map(Object.entries(objects)))
        .describe('Objects that no mapping names -> where they go, both schema.name.'),
    })
    .prefault({})
    .describe('Of `ferry schema`.'),
  http: z
    .strictObject({
      host: z.string().default('127.0.0.1'),
      // As text it comes from an environment variable.
      port: z
        .union([z.number(), z.string().regex(/^\d+$/).transform(Number)])
        .pipe(z.number().int().min(0).max(65_535))
        .optional()
        .describe('Of this service; 0 or none: any free port.'),
    })
    .prefault({}),
});

/** `mapping/<schema>.yaml`: one file a domain schema. */
export const mappingSchema = z.strictObject({
  schema: z.string().min(1).describe('The domain schema in the target.'),
  tables: z.record(z.string(), tableMappingSchema).describe('Target table -> where its rows come from.'),
});

export type PipelineConfig = z.output<typeof pipelineSchema>;
export type MappingFile = z.output<typeof mappingSchema>;
