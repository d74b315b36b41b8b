import { RULE_TEXTS, STEP_TEXTS } from './column-rule.js';
import { RULE_EXAMPLES, type RuleExample, STEP_EXAMPLES } from './rule-examples.js';

/** The page about rules, out of the schema that reads them and of the examples that tests run: `docs/mapping.md`. */
export function mappingReference(): string {
  return [
    INTRODUCTION,
    '## Rules',
    'One of `from`, `constant`, `concat`, `template`, `coalesce`, `object`, `uuid`, `lookup` and `call` says where a value comes from.',
    table(RULE_TEXTS, RULE_EXAMPLES),
    '## Steps',
    'Each stands in the list `steps` of a rule; they are done in that order.',
    table(STEP_TEXTS, STEP_EXAMPLES),
    LINEAGE,
    JOINED,
    LIMITS,
  ].join('\n\n');
}

function table(texts: Readonly<Record<string, string>>, examples: Readonly<Record<string, RuleExample>>): string {
  const rows = Object.entries(texts).map(([name, text]) => {
    const { rule, beside, row, gives } = examples[name]!;
    const example = beside === undefined ? code(rule) : `${code(rule)} beside ${code(beside)}`;
    return `| \`${name}\` | ${cell(text)} | ${example} | ${cell(shown(row))} | ${value(gives)} |`;
  });
  return ['| | what | example | of | gives |', '|---|---|---|---|---|', ...rows].join('\n');
}

function shown(row: RuleExample['row']): string {
  return Object.entries(row)
    .map(([name, text]) => `${name} = ${value(text)}`)
    .join(', ');
}

const value = (text: string | null) => (text === null ? 'null' : code(text));
const code = (text: string) => `\`${cell(text)}\``;
const cell = (text: string) => text.replaceAll('|', '\\|');

const INTRODUCTION = `<!-- Written by a test out of core/mapping/: do not edit. npx vitest run --project unit test/mapping-reference.test.ts -u -->
# The mapping

One file of \`mapping/\` for each domain schema. Without anything else a table's rows move as they are, as bytes.

\`\`\`yaml
# yaml-language-server: $schema=<where schemaferry is>/docs/mapping.schema.json
schema: shared
tables:
  users:                              # target table
    from: public.users                # source table (REPLICA IDENTITY FULL: see below); "quoted" where a name holds a dot
    rename: {joined: joined_on}       # source column -> target column
    where: kind <> 'x'                # rows that move; all without it
    drop: [password_hash]             # or pick: [id, email, joined]
    columns:                          # target column -> rule
      email: {from: email, steps: [trim, lower]}
      full_name: {template: "{first_name} {last_name}"}
      role: {from: kind, steps: [{map: {a: admin, m: member}}]}
    schemaChanges: propagate
    partitions: 1                     # of the log's partitions (log.partitions) all rows come in one
    truncate: halt                    # when the source table is truncated; pass (the default): the target's is, too
\`\`\`

Columns move under their own or their new names; \`drop\` leaves some behind, \`pick\` all others. A rule fills one column of the
target, in the place of a column that would move there. A column that a rule reads moves too, unless it is dropped.

\`where\` says which rows move: \`=\`, \`<>\`, \`in\`, \`not in\`, \`is null\`, \`is not null\`, \`and\`, \`or\`, \`not\` and parentheses, as in SQL.
A row that comes to fulfil it is inserted in the target, one that does not any more is deleted. The same source table may go to
several tables, of one domain schema or of several, each with its own columns and rows: a tenant split is a \`where\` in each.

With \`truncate: halt\` a table stands at a TRUNCATE of its source: for a target that has rows of others beside. The others go on; delete
what should be gone, and \`ferry table resume\` goes on behind it.

With several partitions (\`log.partitions\`) a row is in that of its key. \`partitions: 1\` lets all rows of a table come in one of them. Say it, before the
pipeline begins, where a unique value passes from row to row as a matter of course, like a place in a list: a row in another partition would have to be waited for
each time. And where keys change while the target has columns that nothing here writes: a row whose key leads to another partition is deleted and created, and they get
their defaults. In a way back \`ferry way-back\` writes it for those.

Everything is text: rules read and make values as PostgreSQL writes them, and the target's column reads what they make. \`t\` and \`f\`
are the booleans; \`\${\` is written \`$\${\`.

**What cannot be done is said, never guessed.** \`ferry check\` refuses what types tell: a rule that makes text for a column of
another type without \`cast\`, a value in a rule that the column's type has not, a column that is not there. A value that only turns
out not to be of the column's type is refused by the target: apply halts there or sets it aside (\`onRefusal\`). A value that a rule can
make nothing of (\`map\` without \`else\`, \`json\` of what is no JSON) halts transform, with table, column and row
(\`mapping-refused\`): correct the rule, start transform again, and where a \`map\` got more values it goes on from that row.

**A mapping that has changed is not taken over rows of before.** Transform and apply halt (\`mapping-changed\`) and name the tables;
\`ferry replay --mapping\` makes all rows by the new one. Tables that join or leave (\`ferry table add\`, \`remove\`), \`truncate\`,
\`schemaChanges\`, the order in \`merge\`, more values of a \`map\` and another name of the source table need none.`;

const LINEAGE = `## Several tables into one

\`\`\`yaml
tables:
  api_keys:
    merge:                            # in the place of \`from\`; the first has precedence
      - from: public.api_keys
        columns: {origin: {constant: api_keys}}
      - from: public.vendor_api_keys  # what is said of a table stands beside its \`from\`
        rename: {hash: key_hash}
        columns:
          id: {uuid: [vendor, no], namespace: 6ba7b810-9dad-11d1-80b4-00c04fd430c8}
          origin: {constant: vendor}
    unique: [key_hash]                # rows that are equal in it are one
\`\`\`

Of rows that are equal in the columns of \`unique\` the first table's stands in the target, of one table's the first by key; a null is equal
to nothing. When it goes, or becomes another, the next one stands. The others are kept in the schema \`ferry\` of the target, as
*candidates*, with where they came from: \`ferry map trace TABLE KEY\` shows it. Without \`unique\` no two rows are one. A row that comes to
the key of a row that it is not one with is refused, as by any unique index. Another order of the tables is taken when apply begins again.
[Why so](decisions/0021-merge.md)

With several partitions all rows of merged tables come in one, so that those that are one meet
([how to](how-to/scale.md)). Which tables are merged is decided before the pipeline begins then: others need \`ferry resync\`.

## Keys that are made

A rule may make the key with \`lineage: true\`, and in \`merge\`: rows are found by the key that they have in the source, which the
candidates keep. Each row of such a table stands twice in the target; once the pipeline is over, \`DROP TABLE ferry."shared.users"\` takes the
candidates of \`shared.users\` away, and the table stays. Under \`REPLICA IDENTITY FULL\` say \`key: [id]\`, the
columns of the primary key. What refers to such a key is made by \`lookup\`; \`ferry check\` refuses a foreign key's column that is not.

\`\`\`yaml
tables:
  users:
    from: public.users
    lineage: true
    columns: {id: {uuid: [id], namespace: 6ba7b810-9dad-11d1-80b4-00c04fd430c8}}
  posts:
    from: public.posts
    columns: {owner: {lookup: shared.users.id, of: [owner]}}
\`\`\``;

const JOINED = `## Several tables that were one

\`\`\`yaml
tables:
  users:
    join:                             # in the place of \`from\`, in a way back alone
      - from: growth.profiles         # its rows are those of the old table
      - from: auth.logins
        part: true                    # its columns are columns of those rows
        rename: {user_id: id}
\`\`\`

\`ferry way-back\` writes it for a table that the pipeline splits. Tables that are no parts bring different rows of the old table. A
part's create or update writes its own columns into the row of its key, and its delete writes nothing: those columns keep what they have. A
part whose row the old table does not have is refused. All of them have the old table's key, and no column comes from a part and another table. With
several partitions the rows of all are in one of them; without parts in that of their key, which then has one order in all, also in the index of their replica identity.
At a TRUNCATE of one of them that table stands (\`truncate: halt\`, said or not). Columns are changed by hand: \`schemaChanges\` is halt or ignore.
Elsewhere \`join\` is refused: a copy would bring parts of rows before the rows. [Why so](decisions/0023-way-back.md)`;

const LIMITS = `## Functions of your own

\`\`\`yaml
functions: functions.mjs              # in pipeline.yaml, relative to it
\`\`\`

\`\`\`js
/** @import {MappingFunction} from 'schemaferry/mapping' */
/** @type {MappingFunction} */
export const initials = (name) => name?.replaceAll(/[^A-Z]/g, '') ?? null;
\`\`\`

Texts or null go in, text or null comes out. TypeScript is taken where Node runs it (22.18 and later); compile it otherwise. A function must be
pure: a rebuild of the target, and verification, call it again. An async one is refused at the start. One that throws, returns anything else, or
gives two answers to the same values (the first thousand calls are made twice) halts transform with table, column and row. \`ferry map test\`
calls it on rows of yours. Services read the module when they start.

## What rules need

- The source's key moves as it is, renamed or not: rows are found by it, save with \`lineage\`. Beside it the target's key may have
  columns of constants.
- A rule that reads several columns of which one may be large (text, numeric, jsonb, arrays ...) needs \`REPLICA IDENTITY FULL\` on the
  source table; columns of the key aside. A change does not carry a large value that stays as it was; a rule over that column alone leaves the target's
  value as it is then.
- A table without a key moves as it is, without rules.
- \`where\` must be decidable of every change: under \`REPLICA IDENTITY FULL\`, or over columns of the key alone, or where all columns that the
  mapping reads are of one size (numbers but numeric, booleans, dates and times, uuid, enums). It compares columns whose equal values have one
  text: integers, text, uuid, boolean, date, enums; values are written as PostgreSQL writes them.
- Tables that one source table goes to are there from the beginning: one that is added later needs \`ferry resync\`. \`ferry table pause\` and
  \`resume\` take each by its target, \`resnapshot\` copies all of them.
- When a column that a rule reads is renamed or dropped at the source, transform halts until the rule is corrected.
- Rules of a pipeline that has begun are for rows from there on: \`ferry table resnapshot\` copies the table again. Columns that
  come or go by it are a change of columns to apply (\`schemaChanges\`).

\`ferry verify\` maps the source's rows by the same rules, reads them through the target's types and compares. It names the row's
key and the column of the target. Rows of tables with rules travel through the command for that, others do not.
`;
