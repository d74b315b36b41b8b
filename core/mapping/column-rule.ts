import { z } from 'zod';
import { parseJsonPath } from './json-path.js';
import { parseTemplate } from './template.js';

/** A value in YAML, as PostgreSQL's text: numbers in quotes keep their digits, booleans are `t` and `f`. */
const literal = z
  .union([z.string(), z.number(), z.boolean()])
  .transform((value) => (typeof value === 'boolean' ? (value ? 't' : 'f') : String(value)));
const column = z.string().min(1);
const columns = z.array(column).min(1);
const delimiter = z.string().min(1);

const STEP_SHAPE = {
  trim: z.literal(true).optional().describe('Takes white space off both ends.'),
  lower: z.literal(true).optional().describe('Lower case, by Unicode.'),
  upper: z.literal(true).optional().describe('Upper case, by Unicode.'),
  nullif: literal.optional().describe('This value becomes null.'),
  default: literal.optional().describe('Null becomes this value.'),
  map: z
    .record(z.string(), z.union([literal, z.null()]))
    .optional()
    .describe('Old value -> new value. One that is not among them halts transform, unless `else` stands beside it.'),
  else: z.union([literal, z.null()]).optional().describe('With `map`: what every other value becomes.'),
  prefix: z.string().min(1).optional().describe('Puts a text before the value.'),
  suffix: z.string().min(1).optional().describe('Puts a text behind the value.'),
  replace: z
    .record(z.string().min(1), z.string())
    .optional()
    .describe('Each text, wherever it stands in the value -> another one; one after the other.'),
  json: z
    .string()
    .refine(
      (text) => parseJsonPath(text) !== undefined,
      'is no path: write a.b[0], and "a.b" for a key that holds a dot',
    )
    .optional()
    .describe('Takes what stands at a path of a json or jsonb value, as `->>` does: `address.lines[0]`, `"a.b".c`.'),
  split: delimiter.optional().describe('Delimited text becomes an array; the empty text an empty one.'),
  join: delimiter.optional().describe('An array of one dimension becomes delimited text, without its nulls.'),
};

export type StepName = keyof typeof STEP_SHAPE;

const stepObject = z
  .strictObject(STEP_SHAPE)
  .refine((step) => Object.keys(step).filter((key) => key !== 'else').length === 1, 'has one name a step')
  .refine((step) => step.else === undefined || step.map !== undefined, '`else` stands beside `map` only');

/** What is done with a value, one after the other. `trim`, `lower` and `upper` may stand as words. */
const step = z.union([
  z.enum(['trim', 'lower', 'upper']).transform((word): z.output<typeof stepObject> => ({ [word]: true })),
  stepObject,
]);

const RULE_SHAPE = {
  from: column.optional().describe('The value of a source column.'),
  constant: z.union([literal, z.null()]).optional().describe('The same value for every row.'),
  concat: columns.optional().describe('Source columns one behind the other, without those that are null.'),
  separator: z.string().optional().describe('With `concat`: what stands between the values.'),
  template: z
    .string()
    .refine((text) => parseTemplate(text) !== undefined, 'has a brace of its own: write {{ or }} for one')
    .optional()
    .describe('Text with {column} in it, `{{` for a brace; null where one of the columns is.'),
  coalesce: columns.optional().describe('The first of the source columns that is not null.'),
  object: z
    .record(z.string(), column)
    .optional()
    .describe('A JSON object out of source columns: numbers, booleans, json and jsonb as they are, others as strings.'),
  uuid: columns
    .optional()
    .describe(
      'A UUID of version 5 out of source columns: the same for the same values, in whichever table. Null where one of them is.',
    ),
  namespace: z
    .guid()
    .optional()
    .describe('With `uuid`: its namespace. One column gives what uuid_generate_v5(namespace, value) gives.'),
  lookup: z
    .string()
    .min(1)
    .optional()
    .describe(
      'For what refers to a key: the column of the target that the key becomes, `schema.table.column`. Its rule is taken, over the columns of `of`.',
    ),
  of: columns.optional().describe('With `lookup`: source columns, in the order of those that the other rule reads.'),
  in: column
    .optional()
    .describe('With `lookup`, where tables are merged by different rules: the source table that is meant.'),
  call: z
    .string()
    .min(1)
    .optional()
    .describe('A function of your own, an export of the module that `functions` in pipeline.yaml names.'),
  args: columns.optional().describe('With `call`: source columns whose values it gets.'),
  steps: z
    .array(step)
    .optional()
    .describe('What is done with the value, one after the other. Null stays null, save for `default`.'),
  cast: z
    .string()
    .min(1)
    .optional()
    .describe(
      "The target column's type, where it is another one than the source's: the target reads the value's text.",
    ),
};

const SOURCES = ['from', 'constant', 'concat', 'template', 'coalesce', 'object', 'uuid', 'lookup', 'call'] as const;
export type RuleName = keyof typeof RULE_SHAPE;

/** How one column of the target comes about. */
export const columnRuleSchema = z
  .strictObject(RULE_SHAPE)
  .refine((rule) => SOURCES.filter((name) => rule[name] !== undefined).length === 1, {
    message: `needs one of ${SOURCES.join(', ')}`,
  })
  .refine((rule) => rule.separator === undefined || rule.concat !== undefined, {
    message: '`separator` stands beside `concat` only',
  })
  .refine((rule) => (rule.args === undefined) === (rule.call === undefined), {
    message: '`call` and `args` stand together',
  })
  .refine((rule) => (rule.namespace === undefined) === (rule.uuid === undefined), {
    message: '`uuid` and `namespace` stand together',
  })
  .refine((rule) => (rule.of === undefined) === (rule.lookup === undefined), {
    message: '`lookup` and `of` stand together',
  })
  .refine((rule) => rule.in === undefined || rule.lookup !== undefined, { message: '`in` stands beside `lookup` only' })
  .refine((rule) => rule.lookup === undefined || (rule.steps === undefined && rule.cast === undefined), {
    message: 'the rule that `lookup` takes says steps and cast',
  });

export type ColumnRule = z.output<typeof columnRuleSchema>;
export type Step = z.output<typeof stepObject>;

/** What the reference says of each key. */
export const RULE_TEXTS: Readonly<Record<RuleName, string>> = textsOf(RULE_SHAPE);
export const STEP_TEXTS: Readonly<Record<StepName, string>> = textsOf(STEP_SHAPE);

function textsOf<K extends string>(shape: Readonly<Record<K, z.ZodType>>): Record<K, string> {
  return Object.fromEntries(
    Object.entries<z.ZodType>(shape).map(([name, { description }]) => [name, description ?? '']),
  ) as Record<K, string>;
}
