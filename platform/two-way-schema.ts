/** What a database keeps while applications write to it and apply brings what they write in the other project. */
export const TWO_WAY_SCHEMA = `
CREATE TABLE IF NOT EXISTS ferry.two_way (
  pipeline text PRIMARY KEY,
  began_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  sequences jsonb NOT NULL DEFAULT '[]'
);
COMMENT ON TABLE ferry.two_way IS 'Pipelines whose apply writes beside applications: it says where its changes come from, and the later commit wins';
COMMENT ON COLUMN ferry.two_way.began_at IS 'What was committed here before is nobody''s later write';
COMMENT ON COLUMN ferry.two_way.sequences IS 'Of the target: from which value on it gives out numbers of its own';
CREATE TABLE IF NOT EXISTS ferry.applied_xid (pipeline text NOT NULL, xid bigint);
CREATE INDEX IF NOT EXISTS applied_xid_xid ON ferry.applied_xid (xid);
COMMENT ON TABLE ferry.applied_xid IS 'Transactions that were apply''s, for as long as a change that is older may come';
CREATE TABLE IF NOT EXISTS ferry.tombstone (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  pipeline text NOT NULL,
  table_name text NOT NULL,
  key text[] NOT NULL,
  xid bigint NOT NULL
);
CREATE INDEX IF NOT EXISTS tombstone_key ON ferry.tombstone (table_name, key);
COMMENT ON TABLE ferry.tombstone IS 'Rows that applications deleted, for as long as a change that is older may come';
CREATE TABLE IF NOT EXISTS ferry.conflict (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  pipeline text NOT NULL,
  table_name text NOT NULL,
  key text[] NOT NULL,
  op text NOT NULL,
  why text NOT NULL,
  lost_at timestamptz NOT NULL,
  kept_at timestamptz,
  lost jsonb NOT NULL,
  kept jsonb,
  found_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE ferry.conflict IS 'Changes of the other project that were given up, because an application''s commit here was later, because nothing is left to change, or because it did not come: the mode was left without its direction';
COMMENT ON COLUMN ferry.conflict.kept IS 'The row that stands in its place; null where it was deleted';
`;
