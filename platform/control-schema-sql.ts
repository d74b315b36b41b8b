/**
 * What the pipeline keeps in the target database. The checkpoint is written in the transaction that writes the rows:
 * it, not an offset kept elsewhere, says what has been applied.
 */
export const CONTROL_SCHEMA = `
CREATE SCHEMA IF NOT EXISTS ferry;
CREATE TABLE IF NOT EXISTS ferry.checkpoint (
  pipeline text NOT NULL,
  topic text NOT NULL,
  partition int NOT NULL,
  next_offset bigint NOT NULL DEFAULT 0,
  lsn pg_lsn NOT NULL DEFAULT '0/0',
  index numeric NOT NULL DEFAULT -1,
  commit_end pg_lsn NOT NULL DEFAULT '0/0',
  commit_time timestamptz,
  epoch bigint NOT NULL DEFAULT 0,
  owner text,
  session_pid int,
  session_start timestamptz,
  updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (pipeline, topic, partition)
);
COMMENT ON TABLE ferry.checkpoint IS 'What apply has written, in the same transaction as the rows; epoch fences instances that were replaced';
CREATE TABLE IF NOT EXISTS ferry.mapping_version (
  pipeline text PRIMARY KEY,
  version int NOT NULL,
  changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  changed_by text NOT NULL DEFAULT session_user
);
COMMENT ON TABLE ferry.mapping_version IS 'The version of the mapping that the target has its rows by; apply of another one claims nothing';
CREATE TABLE IF NOT EXISTS ferry.ledger (
  pipeline text NOT NULL,
  topic text NOT NULL,
  partition int NOT NULL,
  source_table text NOT NULL,
  target_table text NOT NULL,
  applied bigint NOT NULL DEFAULT 0,
  dead_lettered bigint NOT NULL DEFAULT 0,
  dropped bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (pipeline, topic, partition, source_table, target_table)
);
CREATE TABLE IF NOT EXISTS ferry.table_state (
  pipeline text NOT NULL,
  source_table text NOT NULL,
  partition int NOT NULL,
  copied boolean NOT NULL DEFAULT false,
  state text NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'paused', 'halted', 'catching-up')),
  reason jsonb,
  stopped_offset bigint,
  stopped_lsn pg_lsn,
  stopped_index numeric,
  accepts boolean NOT NULL DEFAULT false,
  relation jsonb,
  changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  changed_by text NOT NULL DEFAULT session_user,
  PRIMARY KEY (pipeline, source_table, partition)
);
COMMENT ON COLUMN ferry.table_state.copied IS 'The snapshot was written to its end';
COMMENT ON COLUMN ferry.table_state.stopped_lsn IS 'Behind which position a table that does not run has not been applied';
COMMENT ON COLUMN ferry.table_state.accepts IS 'An operator resumed the table at a change of its columns, which is passed';
COMMENT ON COLUMN ferry.table_state.relation IS 'The version whose rows were applied last';
CREATE TABLE IF NOT EXISTS ferry.schema_change (
  pipeline text NOT NULL,
  source_table text NOT NULL,
  partition int NOT NULL,
  lsn pg_lsn NOT NULL,
  index numeric NOT NULL,
  changes jsonb NOT NULL,
  action text NOT NULL,
  changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  changed_by text NOT NULL DEFAULT session_user,
  PRIMARY KEY (pipeline, source_table, partition, lsn, index)
);
COMMENT ON TABLE ferry.schema_change IS 'Changes of the source''s columns that were passed, accepted or propagated, and where copies of whole tables begin; a replay reads rows of before by it';
CREATE TABLE IF NOT EXISTS ferry.dead_letter (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  pipeline text NOT NULL,
  topic text NOT NULL,
  partition int NOT NULL,
  log_offset bigint NOT NULL,
  lsn pg_lsn NOT NULL,
  index numeric NOT NULL,
  commit_time timestamptz,
  op text NOT NULL,
  sources text[] NOT NULL,
  tables text[] NOT NULL,
  keys json,
  sqlstate text,
  message text,
  column_name text,
  constraint_name text,
  event json NOT NULL,
  attempts int NOT NULL DEFAULT 1,
  set_aside_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  state text NOT NULL DEFAULT 'standing' CHECK (state IN ('standing', 'retried', 'dropped')),
  settled_at timestamptz,
  settled_by text
);
CREATE INDEX IF NOT EXISTS dead_letter_standing ON ferry.dead_letter (pipeline, topic, lsn, index, id) WHERE state = 'standing';
COMMENT ON TABLE ferry.dead_letter IS 'Changes that the target refused, and those that must follow them; without a message it only follows';
DO $$
DECLARE
  place record;
BEGIN
  -- Indexes were whole once. Of a table that stands first: ALTER TABLE waits for all who use it, and need not be done twice.
  FOR place IN SELECT attrelid::pg_catalog.regclass AS of, attname FROM pg_catalog.pg_attribute
                WHERE attrelid = ANY (ARRAY['ferry.checkpoint', 'ferry.table_state', 'ferry.schema_change', 'ferry.dead_letter']::pg_catalog.regclass[])
                  AND attname IN ('index', 'stopped_index') AND atttypid = 'int'::pg_catalog.regtype
  LOOP
    EXECUTE format('ALTER TABLE %s ALTER COLUMN %I TYPE numeric', place.of, place.attname);
  END LOOP;
END $$;
CREATE TABLE IF NOT EXISTS ferry.cutover (
  pipeline text PRIMARY KEY,
  serving text NOT NULL DEFAULT 'source' CHECK (serving IN ('source', 'target')),
  state text NOT NULL DEFAULT 'idle',
  changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  changed_by text NOT NULL DEFAULT session_user
);
DO $$
BEGIN
  -- Asked first: ALTER TABLE, even where it does nothing, waits for all who read the flag and lets others wait behind it.
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_attribute WHERE attrelid = 'ferry.cutover'::regclass AND attname = 'rollout_percent') THEN
    ALTER TABLE ferry.cutover
      ADD COLUMN rollout_percent int NOT NULL DEFAULT 0 CHECK (rollout_percent BETWEEN 0 AND 100),
      ADD COLUMN rollout_mode text NOT NULL DEFAULT 'reads' CHECK (rollout_mode IN ('reads', 'users'));
    COMMENT ON COLUMN ferry.cutover.rollout_percent IS 'Share of users whose reads go to the target while the source serves, or in the mode users their writes, too';
  END IF;
END $$;
DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_attribute WHERE attrelid = 'ferry.cutover'::regclass AND attname = 'rollout_to') THEN
    ALTER TABLE ferry.cutover ADD COLUMN rollout_to int CHECK (rollout_to BETWEEN 0 AND 100), ADD COLUMN routers_within_ms int;
    COMMENT ON COLUMN ferry.cutover.rollout_to IS 'In the mode users: what the percent becomes; users in between wait';
    COMMENT ON COLUMN ferry.cutover.routers_within_ms IS 'In the mode users: how old a router''s knowledge of this row may be';
  END IF;
END $$;
COMMENT ON COLUMN ferry.cutover.serving IS 'The flag that applications read: which project serves';
CREATE TABLE IF NOT EXISTS ferry.cutover_run (
  run uuid PRIMARY KEY,
  pipeline text NOT NULL,
  direction text NOT NULL CHECK (direction IN ('forward', 'back')),
  state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'done', 'aborted')),
  settings jsonb NOT NULL,
  started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  started_by text NOT NULL,
  finished_at timestamptz
);
CREATE UNIQUE INDEX IF NOT EXISTS cutover_run_open ON ferry.cutover_run (pipeline) WHERE state = 'open';
COMMENT ON TABLE ferry.cutover_run IS 'Every cutover, with its settings and the gates that were passed by force; one that is open was left by its coordinator or runs';
CREATE TABLE IF NOT EXISTS ferry.cutover_step (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  pipeline text NOT NULL,
  run uuid NOT NULL,
  step text NOT NULL,
  state text NOT NULL CHECK (state IN ('started', 'done', 'failed', 'undone')),
  undo jsonb,
  started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  finished_at timestamptz,
  detail jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX IF NOT EXISTS cutover_step_run ON ferry.cutover_step (run, id);
COMMENT ON COLUMN ferry.cutover_step.undo IS 'What takes the step back; written before it acts';
CREATE TABLE IF NOT EXISTS ferry.act (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  pipeline text NOT NULL,
  act text NOT NULL,
  subject text,
  detail jsonb NOT NULL DEFAULT '{}',
  done_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  done_by text NOT NULL
);
COMMENT ON TABLE ferry.act IS 'What was done to the pipeline by commands, and by whom: ferry history';
CREATE TABLE IF NOT EXISTS ferry.verification (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  pipeline text NOT NULL,
  mapping text NOT NULL,
  source_table text NOT NULL,
  target_table text NOT NULL,
  source_rows bigint NOT NULL,
  target_rows bigint NOT NULL,
  source_checksum text NOT NULL,
  target_checksum text NOT NULL,
  equal boolean NOT NULL,
  differences bigint NOT NULL,
  unsettled bigint NOT NULL,
  duration_ms bigint NOT NULL,
  finished_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  verified_by text NOT NULL DEFAULT session_user
);
DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_attribute WHERE attrelid = 'ferry.verification'::regclass AND attname = 'resumed_since') THEN
    ALTER TABLE ferry.verification ADD COLUMN resumed_since timestamptz;
  END IF;
END $$;
CREATE INDEX IF NOT EXISTS verification_latest ON ferry.verification (pipeline, target_table, id);
COMMENT ON TABLE ferry.verification IS 'Every table that was compared, with the digest of the mapping that it was compared through';
COMMENT ON COLUMN ferry.verification.resumed_since IS 'Of a table whose comparison was interrupted: when it began, which is how old its first rows are';
CREATE TABLE IF NOT EXISTS ferry.verification_run (
  run uuid PRIMARY KEY,
  pipeline text NOT NULL,
  mapping text NOT NULL,
  tables jsonb NOT NULL,
  started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  started_by text NOT NULL DEFAULT session_user
);
COMMENT ON TABLE ferry.verification_run IS 'Verifications that run, or were interrupted: ferry verify --resume goes on with the last';
CREATE TABLE IF NOT EXISTS ferry.verification_progress (
  run uuid NOT NULL REFERENCES ferry.verification_run ON DELETE CASCADE,
  source_table text NOT NULL,
  target_table text NOT NULL,
  progress jsonb NOT NULL,
  began_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (run, source_table, target_table)
);
COMMENT ON TABLE ferry.verification_progress IS 'How far each table of a verification is: the last key compared, counts, and what was found so far';
CREATE TABLE IF NOT EXISTS ferry.replay (
  run uuid PRIMARY KEY,
  pipeline text NOT NULL,
  scope jsonb NOT NULL,
  ends jsonb NOT NULL,
  started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  started_by text NOT NULL,
  rebuilt_at timestamptz,
  finished_at timestamptz,
  outcome text CHECK (outcome IN ('equal', 'different', 'given up'))
);
CREATE UNIQUE INDEX IF NOT EXISTS replay_open ON ferry.replay (pipeline) WHERE finished_at IS NULL;
COMMENT ON TABLE ferry.replay IS 'Every replay into this database; one that has not finished is gone on with by the next command';
COMMENT ON COLUMN ferry.replay.ends IS 'Where the domain topics ended when it began: what it has to reach';
`;
