-- The new project of the chief of staff, before the copy: 7 domain schemas, extensions, 12 enum types, 30 tables with
-- their primary keys, defaults, identities, unique and check constraints. All else follows in 002, once the rows are
-- there. One transaction; may run again, and then changes nothing.

CREATE SCHEMA IF NOT EXISTS core;
CREATE SCHEMA IF NOT EXISTS ops;
CREATE SCHEMA IF NOT EXISTS comms;
CREATE SCHEMA IF NOT EXISTS meetings;
CREATE SCHEMA IF NOT EXISTS media;
CREATE SCHEMA IF NOT EXISTS work;
CREATE SCHEMA IF NOT EXISTS intel;
COMMENT ON SCHEMA core IS 'Workspaces, their members and founders, and the people and companies that they know';
COMMENT ON SCHEMA ops IS 'What keeps it running: the event store, the audit log, integrations and their runs';
COMMENT ON SCHEMA comms IS 'Channels, threads and what was said in them';
COMMENT ON SCHEMA meetings IS 'Meetings, who was there, what was said, and what is to be done';
COMMENT ON SCHEMA media IS 'Files, and what is in them';
COMMENT ON SCHEMA work IS 'Goals, projects and tasks';
COMMENT ON SCHEMA intel IS 'What the assistant made of it all';

-- Whoever has them already, in whatever schema, keeps them there.
CREATE EXTENSION IF NOT EXISTS "uuid-ossp";
CREATE EXTENSION IF NOT EXISTS "pgcrypto";
CREATE EXTENSION IF NOT EXISTS "vector";

-- Roles and auth.uid() as Supabase has them; made only where they are missing.
DO $$
DECLARE
  role_name text;
BEGIN
  FOREACH role_name IN ARRAY ARRAY['anon', 'authenticated', 'service_role'] LOOP
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = role_name) THEN
      BEGIN
        EXECUTE format('CREATE ROLE %I NOLOGIN', role_name);
      EXCEPTION WHEN duplicate_object OR unique_violation THEN
        NULL; -- Another session of the same cluster made it meanwhile.
      END;
    END IF;
  END LOOP;
  IF to_regprocedure('auth.uid()') IS NULL THEN
    CREATE SCHEMA IF NOT EXISTS auth;
    CREATE FUNCTION auth.uid() RETURNS uuid LANGUAGE sql STABLE AS $uid$
      SELECT coalesce(nullif(pg_catalog.current_setting('request.jwt.claim.sub', true), ''),
        nullif(pg_catalog.current_setting('request.jwt.claims', true), '')::pg_catalog.jsonb ->> 'sub')::pg_catalog.uuid
    $uid$;
    GRANT USAGE ON SCHEMA auth TO anon, authenticated, service_role;
  END IF;
END $$;

-- The enums move with the tables that use them.
DO $$
DECLARE
  enum record;
BEGIN
  FOR enum IN
    SELECT * FROM (VALUES
      ('core.role_type', $labels$'owner', 'admin', 'member', 'service'$labels$),
      ('core.relationship_type', $labels$'investor', 'customer', 'candidate', 'advisor', 'partner', 'vendor', 'friend of the house'$labels$),
      ('ops.provider_type', $labels$'mail', 'calendar', 'chat', 'drive', 'crm'$labels$),
      ('ops.run_status', $labels$'pending', 'running', 'succeeded', 'failed'$labels$),
      ('comms.channel_type', $labels$'email', 'chat', 'sms', 'voice'$labels$),
      ('comms.direction_type', $labels$'inbound', 'outbound', 'internal'$labels$),
      ('meetings.meeting_status', $labels$'scheduled', 'live', 'ended', 'cancelled'$labels$),
      ('meetings.response_type', $labels$'no-reply', 'accepted', 'tentative', 'declined'$labels$),
      ('media.media_type', $labels$'image', 'audio', 'video', 'document'$labels$),
      ('work.task_status', $labels$'open', 'in_progress', 'blocked', 'done', 'dropped'$labels$),
      ('work.priority_level', $labels$'low', 'normal', 'high', 'urgent'$labels$),
      ('intel.insight_type', $labels$'risk', 'opportunity', 'trend', 'reminder'$labels$)
    ) AS wanted (name, labels)
    WHERE to_regtype(name) IS NULL
  LOOP
    EXECUTE format('CREATE TYPE %s AS ENUM (%s)', enum.name, enum.labels);
  END LOOP;
END $$;

-- ------------------------------------------------------------------------------------------------------------ core

CREATE TABLE IF NOT EXISTS core.workspaces (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  name text NOT NULL CHECK (name <> ''),
  timezone text NOT NULL DEFAULT 'UTC',
  settings jsonb NOT NULL DEFAULT '{}',
  created_by uuid DEFAULT auth.uid(),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS core.members (
  workspace_id uuid NOT NULL,
  user_id uuid NOT NULL,
  role core.role_type NOT NULL DEFAULT 'member',
  invited_by uuid,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (workspace_id, user_id)
);

CREATE TABLE IF NOT EXISTS core.founders (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  workspace_id uuid NOT NULL,
  user_id uuid NOT NULL,
  display_name text NOT NULL,
  email text NOT NULL,
  preferences jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (workspace_id, user_id)
);

CREATE TABLE IF NOT EXISTS core.companies (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  workspace_id uuid NOT NULL,
  name text NOT NULL,
  domain text,
  founded_on date,
  metadata jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS core.contacts (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  workspace_id uuid NOT NULL,
  company_id uuid,
  full_name text NOT NULL,
  email text,
  phones text[],
  tags text[] NOT NULL DEFAULT '{}',
  relationship core.relationship_type,
  importance smallint NOT NULL DEFAULT 0 CHECK (importance BETWEEN 0 AND 100),
  notes text,
  metadata jsonb NOT NULL DEFAULT '{}',
  embedding vector(1536),
  last_contacted_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS core.contact_links (
  from_contact_id uuid NOT NULL,
  to_contact_id uuid NOT NULL,
  workspace_id uuid NOT NULL,
  kind text NOT NULL DEFAULT 'knows',
  strength real,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (from_contact_id, to_contact_id),
  CHECK (from_contact_id <> to_contact_id)
);

-- ------------------------------------------------------------------------------------------------------------- ops

-- What happened, in order; nobody changes it. Each request leaves one event.
CREATE TABLE IF NOT EXISTS ops.events (
  id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  workspace_id uuid NOT NULL,
  request_id uuid NOT NULL UNIQUE,
  stream text NOT NULL,
  type text NOT NULL,
  payload jsonb NOT NULL DEFAULT '{}',
  actor_id uuid,
  occurred_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE IF NOT EXISTS ops.snapshots (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  workspace_id uuid NOT NULL,
  stream text NOT NULL,
  version bigint NOT NULL CHECK (version > 0),
  state jsonb NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (workspace_id, stream, version)
);

CREATE TABLE IF NOT EXISTS ops.audit_log (
  id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  workspace_id uuid NOT NULL,
  actor_id uuid,
  action text NOT NULL,
  subject text,
  detail jsonb,
  ip inet,
  happened_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE IF NOT EXISTS ops.integrations (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  workspace_id uuid NOT NULL,
  provider ops.provider_type NOT NULL,
  account text NOT NULL,
  scopes text[] NOT NULL DEFAULT '{}',
  sealed_token bytea,
  is_active boolean NOT NULL DEFAULT true,
  settings jsonb NOT NULL DEFAULT '{}',
  last_synced_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (workspace_id, provider, account)
);

CREATE TABLE IF NOT EXISTS ops.sync_runs (
  id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  workspace_id uuid NOT NULL,
  integration_id uuid NOT NULL,
  status ops.run_status NOT NULL DEFAULT 'pending',
  cursor_token text,
  items integer NOT NULL DEFAULT 0,
  duration interval,
  error text,
  started_at timestamptz NOT NULL DEFAULT now(),
  finished_at timestamptz,
  CHECK (finished_at >= started_at)
);

-- ----------------------------------------------------------------------------------------------------------- comms

CREATE TABLE IF NOT EXISTS comms.channels (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  workspace_id uuid NOT NULL,
  integration_id uuid,
  type comms.channel_type NOT NULL,
  name text NOT NULL,
  address text,
  is_muted boolean NOT NULL DEFAULT false,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS comms.threads (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  workspace_id uuid NOT NULL,
  channel_id uuid NOT NULL,
  contact_id uuid,
  subject text,
  message_count integer NOT NULL DEFAULT 0,
  last_message_at timestamptz,
  is_archived boolean,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS comms.communications (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  workspace_id uuid NOT NULL,
  thread_id uuid NOT NULL,
  contact_id uuid,
  direction comms.direction_type NOT NULL,
  sender text NOT NULL,
  recipients text[] NOT NULL DEFAULT '{}',
  subject text,
  body text,
  sentiment real,
  metadata jsonb NOT NULL DEFAULT '{}',
  embedding vector(1536),
  sent_at timestamptz NOT NULL DEFAULT now(),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS comms.attachments (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  workspace_id uuid NOT NULL,
  communication_id uuid NOT NULL,
  asset_id uuid,
  file_name text NOT NULL,
  mime_type text,
  bytes bigint NOT NULL CHECK (bytes >= 0),
  checksum bytea,
  created_at timestamptz NOT NULL DEFAULT now()
);

-- -------------------------------------------------------------------------------------------------------- meetings

CREATE TABLE IF NOT EXISTS meetings.meetings (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  workspace_id uuid NOT NULL,
  founder_id uuid,
  title text NOT NULL,
  status meetings.meeting_status NOT NULL DEFAULT 'scheduled',
  held_during tstzrange NOT NULL,
  location text,
  agenda jsonb,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS meetings.participants (
  meeting_id uuid NOT NULL,
  contact_id uuid NOT NULL,
  workspace_id uuid NOT NULL,
  response meetings.response_type NOT NULL DEFAULT 'no-reply',
  is_organizer boolean NOT NULL DEFAULT false,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (meeting_id, contact_id)
);

CREATE TABLE IF NOT EXISTS meetings.transcripts (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  workspace_id uuid NOT NULL,
  meeting_id uuid NOT NULL,
  language text NOT NULL DEFAULT 'en',
  confidence numeric(5,4) CHECK (confidence BETWEEN 0 AND 1),
  full_text text NOT NULL DEFAULT '',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS meetings.transcript_chunks (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  workspace_id uuid NOT NULL,
  transcript_id uuid NOT NULL,
  position integer NOT NULL CHECK (position >= 0),
  speaker text,
  starts_at interval NOT NULL DEFAULT '0',
  content text NOT NULL,
  embedding vector(1536),
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (transcript_id, position)
);

CREATE TABLE IF NOT EXISTS meetings.action_items (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  workspace_id uuid NOT NULL,
  meeting_id uuid NOT NULL,
  task_id uuid,
  owner_id uuid,
  description text NOT NULL,
  due_on date,
  is_done boolean NOT NULL DEFAULT false,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

-- ----------------------------------------------------------------------------------------------------------- media

CREATE TABLE IF NOT EXISTS media.assets (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  workspace_id uuid NOT NULL,
  type media.media_type NOT NULL,
  title text NOT NULL,
  storage_path text NOT NULL,
  bytes bigint NOT NULL CHECK (bytes >= 0),
  checksum bytea,
  duration interval,
  metadata jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS media.media_chunks (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  workspace_id uuid NOT NULL,
  asset_id uuid NOT NULL,
  position integer NOT NULL CHECK (position >= 0),
  content text NOT NULL,
  span int8range,
  embedding vector(1536),
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (asset_id, position)
);

CREATE TABLE IF NOT EXISTS media.collections (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  workspace_id uuid NOT NULL,
  name text NOT NULL,
  asset_ids uuid[] NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

-- ------------------------------------------------------------------------------------------------------------ work

-- Minutes move between projects, two rows a transaction: their sum never changes.
CREATE TABLE IF NOT EXISTS work.projects (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  workspace_id uuid NOT NULL,
  founder_id uuid,
  name text NOT NULL,
  description text,
  priority work.priority_level NOT NULL DEFAULT 'normal',
  budget_minutes numeric(18,4) NOT NULL DEFAULT 0,
  reallocations bigint NOT NULL DEFAULT 0,
  starts_on date,
  ends_on date,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS work.tasks (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  workspace_id uuid NOT NULL,
  project_id uuid,
  parent_id uuid,
  title text NOT NULL,
  description text,
  status work.task_status NOT NULL DEFAULT 'open',
  priority work.priority_level NOT NULL DEFAULT 'normal',
  tags text[] NOT NULL DEFAULT '{}',
  estimate interval,
  due_at timestamptz,
  completed_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS work.task_dependencies (
  task_id uuid NOT NULL,
  depends_on_id uuid NOT NULL,
  workspace_id uuid NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (task_id, depends_on_id),
  CHECK (task_id <> depends_on_id)
);

CREATE TABLE IF NOT EXISTS work.goals (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  workspace_id uuid NOT NULL,
  founder_id uuid,
  title text NOT NULL,
  period daterange NOT NULL,
  target_value numeric,
  current_value numeric,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

-- ----------------------------------------------------------------------------------------------------------- intel

CREATE TABLE IF NOT EXISTS intel.insights (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  workspace_id uuid NOT NULL,
  contact_id uuid,
  type intel.insight_type NOT NULL,
  title text NOT NULL,
  body text NOT NULL DEFAULT '',
  confidence double precision,
  evidence jsonb NOT NULL DEFAULT '[]',
  embedding vector(1536),
  is_dismissed boolean NOT NULL DEFAULT false,
  expires_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS intel.briefings (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  workspace_id uuid NOT NULL,
  founder_id uuid NOT NULL,
  briefed_on date NOT NULL,
  summary text NOT NULL,
  sections jsonb NOT NULL DEFAULT '[]',
  sent_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (founder_id, briefed_on)
);

CREATE TABLE IF NOT EXISTS intel.signals (
  id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  workspace_id uuid NOT NULL,
  contact_id uuid,
  name text NOT NULL,
  value double precision,
  detail jsonb,
  observed_at timestamptz NOT NULL DEFAULT now()
);
