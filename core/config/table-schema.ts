import { z } from 'zod';
import { columnRuleSchema } from '../mapping/column-rule.js';
import { expressionProblem } from '../mapping/expression.js';
import { SCHEMA_CHANGE_POLICIES } from '../schema-change.js';

const columnNames = z.array(z.string().min(1)).min(1);

/** What is said of one source table. */
const SOURCE_SHAPE = {
  from: z.string().describe('The source table, schema.table; "quoted" where a name holds a dot.'),
  rename: z
    .record(z.string(), z.string())
    .default({})
    .describe('Columns whose name changes: source name -> target name.'),
  where: z
    .string()
    .superRefine((text, context) => {
      const problem = expressionProblem(text);
      if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
    })
    .optional()
    .describe("Rows that move: kind in ('a', 'b') and gone_at is null."),
  pick: columnNames.optional().describe('Source columns that move; all do without it.'),
  drop: columnNames.optional().describe('Source columns that do not move.'),
  columns: z
    .record(z.string().min(1), columnRuleSchema)
    .optional()
    .describe('Target column -> how its values come about. A source column that would move there does not.'),
  truncate: z
    .enum(['pass', 'halt'])
    .optional()
    .describe(
      'When the source table is truncated: the target table is, too (pass, the default), or it stands until someone has seen to it (halt).',
    ),
  partitions: z
    .literal(1)
    .optional()
    .describe('Of several partitions of the log (`log.partitions`) all rows come in one.'),
  key: columnNames
    .optional()
    .describe('With `lineage` or in `merge`: source columns that tell rows apart, under REPLICA IDENTITY FULL.'),
};

const TOGETHER = '`pick` and `drop` do not stand together';
const mergedSchema = z.strictObject(SOURCE_SHAPE).refine((table) => !(table.pick && table.drop), TOGETHER);

const joinedSchema = z
  .strictObject(SOURCE_SHAPE)
  .omit({ key: true })
  .extend({
    truncate: z
      .literal('halt')
      .optional()
      .describe('As it is without being said: the target table has rows that are of the other tables.'),
    part: z
      .literal(true)
      .optional()
      .describe(
        'Of its rows only the columns are written, into rows that another of the tables brings; its deletes write nothing.',
      ),
  })
  .refine((table) => !(table.pick && table.drop), TOGETHER);

export const tableMappingSchema = z
  .strictObject({
    ...SOURCE_SHAPE,
    from: SOURCE_SHAPE.from.optional(),
    lineage: z
      .literal(true)
      .optional()
      .describe('Keeps in the target which source row each row is of; needed where the key does not move as it is.'),
    merge: z
      .array(mergedSchema)
      .min(2)
      .optional()
      .describe(
        'In the place of `from`: several source tables into one. Of rows that are one, the first table has it.',
      ),
    join: z
      .array(joinedSchema)
      .min(2)
      .refine((tables) => tables.some(({ part }) => !part), 'one of the tables brings the rows that the parts are of')
      .optional()
      .describe(
        'In a way back, in the place of `from`: the tables that a table of the old project was split into. They are rows of it, or parts of its rows.',
      ),
    unique: columnNames
      .optional()
      .describe('With `merge`: target columns in which equal rows are one. Rows with a null in them are none other.'),
    schemaChanges: z.enum(SCHEMA_CHANGE_POLICIES).optional().describe("Of this table; the pipeline's otherwise."),
  })
  .refine(
    ({ from, merge, join }) => [from, merge, join].filter((said) => said !== undefined).length === 1,
    'needs one of `from`, `merge` and `join`',
  )
  .refine((table) => !(table.pick && table.drop), TOGETHER)
  .refine(({ merge, join, from: _, unique, schemaChanges: __, rename, ...rest }) => {
    const isSaid = Object.values(rest).some((value) => value !== undefined) || Object.keys(rename).length > 0;
    return !((merge || join) && isSaid);
  }, 'what is said of a source table stands in `merge` or `join`, beside its `from`')
  .refine((table) => table.unique === undefined || table.merge !== undefined, '`unique` stands beside `merge` only')
  .refine((table) => !table.from || !table.key || table.lineage, '`key` stands beside `lineage`, or in `merge`')
  .refine(
    (table) => !(table.schemaChanges === 'propagate' && (table.merge || table.lineage)),
    'columns of a table with lineage are changed by hand: `schemaChanges` is halt or ignore',
  )
  .refine(
    (table) => !(table.schemaChanges === 'propagate' && table.join),
    'columns of a table with `join` are changed by hand: `schemaChanges` is halt or ignore',
  );

/** What a mapping file says of one source table. */
export type SourceEntry = z.output<typeof mergedSchema>;
export type TableEntry = z.output<typeof tableMappingSchema>;
