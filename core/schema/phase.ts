/** The files, in the order in which they run. */
export const PHASES = [
  'schemas_and_types',
  'tables',
  'functions_and_views',
  'indexes',
  'foreign_keys',
  'validate_foreign_keys',
  'triggers',
  'policies',
  'grants',
  'comments_and_publications',
] as const;

export type Phase = (typeof PHASES)[number];

/** The last one that runs before rows are copied. */
export const LAST_BEFORE_COPY: Phase = 'tables';

/** One statement of a file, without its semicolon. */
export interface Written {
  readonly phase: Phase;
  readonly sql: string;
}

/** What each file says about itself. */
export const PHASE_TEXTS: Readonly<Record<Phase, string>> = {
  schemas_and_types: 'Before the copy: roles, schemas, extensions, types, and the functions that they need.',
  tables:
    'Before the copy: sequences and tables, with the keys by which rows are found and the checks that each row passes.',
  functions_and_views: 'After the copy: functions, views and materialized views, which are filled here.',
  indexes: 'After the copy: indexes, which would have slowed it down.',
  foreign_keys:
    'After the copy: foreign keys for what is written from now on; rows that are there are looked at by the next file.',
  validate_foreign_keys:
    'After the copy: the rows that are there. While apply goes on, a domain schema may be a moment behind another one: run it again then.',
  triggers: 'After the copy: triggers and rules. Apply does not fire them.',
  policies: 'After the copy: row level security, before anybody may read.',
  grants: 'After the copy: who may do what.',
  comments_and_publications: 'After the copy: comments, publications, and what PostgREST has to know.',
};
