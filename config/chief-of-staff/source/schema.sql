-- The old project of the chief of staff: the 30 tables of seven domains stand in one public schema, beside each other.
-- Twelve enums, vectors, updated_at triggers, and row level security that isolates workspaces. Runs once, in an empty
-- database, as one transaction.

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

CREATE TYPE public.role_type AS ENUM ('owner', 'admin', 'member', 'service');
CREATE TYPE public.relationship_type AS ENUM ('investor', 'customer', 'candidate', 'advisor', 'partner', 'vendor', 'friend of the house');
CREATE TYPE public.provider_type AS ENUM ('mail', 'calendar', 'chat', 'drive', 'crm');
CREATE TYPE public.run_status AS ENUM ('pending', 'running', 'succeeded', 'failed');
CREATE TYPE public.channel_type AS ENUM ('email', 'chat', 'sms', 'voice');
CREATE TYPE public.direction_type AS ENUM ('inbound', 'outbound', 'internal');
CREATE TYPE public.meeting_status AS ENUM ('scheduled', 'live', 'ended', 'cancelled');
CREATE TYPE public.response_type AS ENUM ('no-reply', 'accepted', 'tentative', 'declined');
CREATE TYPE public.media_type AS ENUM ('image', 'audio', 'video', 'document');
CREATE TYPE public.task_status AS ENUM ('open', 'in_progress', 'blocked', 'done', 'dropped');
CREATE TYPE public.priority_level AS ENUM ('low', 'normal', 'high', 'urgent');
CREATE TYPE public.insight_type AS ENUM ('risk', 'opportunity', 'trend', 'reminder');

CREATE TABLE public.workspaces (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  name text NOT NULL CHECK (name <> ''),
  timezone text NOT NULL DEFAULT 'UTC',
  settings jsonb NOT NULL DEFAULT '{}',
  created_by uuid DEFAULT auth.uid(),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE public.members (
  workspace_id uuid NOT NULL REFERENCES public.workspaces (id) ON DELETE CASCADE,
  user_id uuid NOT NULL,
  role public.role_type NOT NULL DEFAULT 'member',
  invited_by uuid,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (workspace_id, user_id)
);

CREATE TABLE public.founders (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  workspace_id uuid NOT NULL REFERENCES public.workspaces (id) ON DELETE CASCADE,
  user_id uuid NOT NULL,
  name text NOT NULL,
  email text NOT NULL,
  preferences jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (workspace_id, user_id)
);

CREATE TABLE public.companies (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  workspace_id uuid NOT NULL REFERENCES public.workspaces (id) ON DELETE CASCADE,
  name text NOT NULL,
  domain text,
  founded_on date,
  metadata jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE public.contacts (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  workspace_id uuid NOT NULL REFERENCES public.workspaces (id) ON DELETE CASCADE,
  company_id uuid REFERENCES public.companies (id) ON DELETE SET NULL,
  full_name text NOT NULL,
  email text,
  phones text[],
  tags text[] NOT NULL DEFAULT '{}',
  relationship public.relationship_type,
  importance smallint NOT NULL DEFAULT 0 CHECK (importance BETWEEN 0 AND 100),
  notes text,
  metadata jsonb NOT NULL DEFAULT '{}',
  embedding vector(1536),
  last_contacted_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE public.contact_links (
  from_contact_id uuid NOT NULL REFERENCES public.contacts (id) ON DELETE CASCADE,
  to_contact_id uuid NOT NULL REFERENCES public.contacts (id) ON DELETE CASCADE,
  workspace_id uuid NOT NULL REFERENCES public.workspaces (id) ON DELETE CASCADE,
  kind text NOT NULL DEFAULT 'knows',
  strength real,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (from_contact_id, to_contact_id),
  CHECK (from_contact_id <> to_contact_id)
);

-- What happened, in order; nobody changes it. Each request leaves one event.
CREATE TABLE public.event_log (
  id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  workspace_id uuid NOT NULL REFERENCES public.workspaces (id) ON DELETE CASCADE,
  request_id uuid NOT NULL UNIQUE,
  stream text NOT NULL,
  type text NOT NULL,
  payload jsonb NOT NULL DEFAULT '{}',
  actor_id uuid,
  occurred_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE public.event_snapshots (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  workspace_id uuid NOT NULL REFERENCES public.workspaces (id) ON DELETE CASCADE,
  stream text NOT NULL,
  version bigint NOT NULL CHECK (version > 0),
  state jsonb NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (workspace_id, stream, version)
);

CREATE TABLE public.audit_log (
  id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  workspace_id uuid NOT NULL REFERENCES public.workspaces (id) ON DELETE CASCADE,
  actor_id uuid,
  action text NOT NULL,
  subject text,
  detail jsonb,
  ip inet,
  happened_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE public.integrations (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  workspace_id uuid NOT NULL REFERENCES public.workspaces (id) ON DELETE CASCADE,
  provider public.provider_type NOT NULL,
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

CREATE TABLE public.sync_runs (
  id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  workspace_id uuid NOT NULL REFERENCES public.workspaces (id) ON DELETE CASCADE,
  integration_id uuid NOT NULL REFERENCES public.integrations (id) ON DELETE CASCADE,
  status public.run_status NOT NULL DEFAULT 'pending',
  cursor_token text,
  items integer NOT NULL DEFAULT 0,
  duration interval,
  error text,
  started_at timestamptz NOT NULL DEFAULT now(),
  finished_at timestamptz,
  CHECK (finished_at >= started_at)
);

CREATE TABLE public.channels (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  workspace_id uuid NOT NULL REFERENCES public.workspaces (id) ON DELETE CASCADE,
  integration_id uuid REFERENCES public.integrations (id) ON DELETE SET NULL,
  type public.channel_type NOT NULL,
  name text NOT NULL,
  address text,
  is_muted boolean NOT NULL DEFAULT false,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE public.threads (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  workspace_id uuid NOT NULL REFERENCES public.workspaces (id) ON DELETE CASCADE,
  channel_id uuid NOT NULL REFERENCES public.channels (id) ON DELETE CASCADE,
  contact_id uuid REFERENCES public.contacts (id) ON DELETE SET NULL,
  subject text,
  message_count integer NOT NULL DEFAULT 0,
  last_message_at timestamptz,
  is_archived boolean,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE public.communications (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  workspace_id uuid NOT NULL REFERENCES public.workspaces (id) ON DELETE CASCADE,
  thread_id uuid NOT NULL REFERENCES public.threads (id) ON DELETE CASCADE,
  contact_id uuid REFERENCES public.contacts (id) ON DELETE SET NULL,
  direction public.direction_type NOT NULL,
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

CREATE TABLE public.meetings (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  workspace_id uuid NOT NULL REFERENCES public.workspaces (id) ON DELETE CASCADE,
  founder_id uuid REFERENCES public.founders (id) ON DELETE SET NULL,
  title text NOT NULL,
  status public.meeting_status NOT NULL DEFAULT 'scheduled',
  held_during tstzrange NOT NULL,
  location text,
  agenda jsonb,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE public.meeting_participants (
  meeting_id uuid NOT NULL REFERENCES public.meetings (id) ON DELETE CASCADE,
  contact_id uuid NOT NULL REFERENCES public.contacts (id) ON DELETE CASCADE,
  workspace_id uuid NOT NULL REFERENCES public.workspaces (id) ON DELETE CASCADE,
  response public.response_type NOT NULL DEFAULT 'no-reply',
  is_organizer boolean NOT NULL DEFAULT false,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (meeting_id, contact_id)
);

CREATE TABLE public.transcripts (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  workspace_id uuid NOT NULL REFERENCES public.workspaces (id) ON DELETE CASCADE,
  meeting_id uuid NOT NULL REFERENCES public.meetings (id) ON DELETE CASCADE,
  language text NOT NULL DEFAULT 'en',
  confidence numeric(5,4) CHECK (confidence BETWEEN 0 AND 1),
  full_text text NOT NULL DEFAULT '',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE public.transcript_chunks (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  workspace_id uuid NOT NULL REFERENCES public.workspaces (id) ON DELETE CASCADE,
  transcript_id uuid NOT NULL REFERENCES public.transcripts (id) ON DELETE CASCADE,
  position integer NOT NULL CHECK (position >= 0),
  speaker text,
  starts_at interval NOT NULL DEFAULT '0',
  content text NOT NULL,
  embedding vector(1536),
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (transcript_id, position)
);

CREATE TABLE public.media_assets (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  workspace_id uuid NOT NULL REFERENCES public.workspaces (id) ON DELETE CASCADE,
  type public.media_type NOT NULL,
  title text NOT NULL,
  storage_path text NOT NULL,
  bytes bigint NOT NULL CHECK (bytes >= 0),
  checksum bytea,
  duration interval,
  metadata jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE public.attachments (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  workspace_id uuid NOT NULL REFERENCES public.workspaces (id) ON DELETE CASCADE,
  communication_id uuid NOT NULL REFERENCES public.communications (id) ON DELETE CASCADE,
  asset_id uuid REFERENCES public.media_assets (id) ON DELETE SET NULL,
  file_name text NOT NULL,
  mime_type text,
  bytes bigint NOT NULL CHECK (bytes >= 0),
  checksum bytea,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE public.media_chunks (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  workspace_id uuid NOT NULL REFERENCES public.workspaces (id) ON DELETE CASCADE,
  asset_id uuid NOT NULL REFERENCES public.media_assets (id) ON DELETE CASCADE,
  position integer NOT NULL CHECK (position >= 0),
  content text NOT NULL,
  span int8range,
  embedding vector(1536),
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (asset_id, position)
);

CREATE TABLE public.media_collections (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  workspace_id uuid NOT NULL REFERENCES public.workspaces (id) ON DELETE CASCADE,
  name text NOT NULL,
  asset_ids uuid[] NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

-- Minutes move between projects, two rows a transaction: their sum never changes.
CREATE TABLE public.projects (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  workspace_id uuid NOT NULL REFERENCES public.workspaces (id) ON DELETE CASCADE,
  founder_id uuid REFERENCES public.founders (id) ON DELETE SET NULL,
  name text NOT NULL,
  description text,
  priority public.priority_level NOT NULL DEFAULT 'normal',
  budget_minutes numeric(18,4) NOT NULL DEFAULT 0,
  reallocations bigint NOT NULL DEFAULT 0,
  starts_on date,
  ends_on date,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE public.tasks (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  workspace_id uuid NOT NULL REFERENCES public.workspaces (id) ON DELETE CASCADE,
  project_id uuid REFERENCES public.projects (id) ON DELETE SET NULL,
  parent_id uuid REFERENCES public.tasks (id) ON DELETE CASCADE,
  title text NOT NULL,
  description text,
  status public.task_status NOT NULL DEFAULT 'open',
  priority public.priority_level NOT NULL DEFAULT 'normal',
  tags text[] NOT NULL DEFAULT '{}',
  estimate interval,
  due_at timestamptz,
  done_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE public.action_items (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  workspace_id uuid NOT NULL REFERENCES public.workspaces (id) ON DELETE CASCADE,
  meeting_id uuid NOT NULL REFERENCES public.meetings (id) ON DELETE CASCADE,
  task_id uuid REFERENCES public.tasks (id) ON DELETE SET NULL,
  owner_id uuid REFERENCES public.founders (id) ON DELETE SET NULL,
  description text NOT NULL,
  due_on date,
  is_done boolean NOT NULL DEFAULT false,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE public.task_dependencies (
  task_id uuid NOT NULL REFERENCES public.tasks (id) ON DELETE CASCADE,
  depends_on_id uuid NOT NULL REFERENCES public.tasks (id) ON DELETE CASCADE,
  workspace_id uuid NOT NULL REFERENCES public.workspaces (id) ON DELETE CASCADE,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (task_id, depends_on_id),
  CHECK (task_id <> depends_on_id)
);

CREATE TABLE public.goals (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  workspace_id uuid NOT NULL REFERENCES public.workspaces (id) ON DELETE CASCADE,
  founder_id uuid REFERENCES public.founders (id) ON DELETE SET NULL,
  title text NOT NULL,
  period daterange NOT NULL,
  target_value numeric,
  current_value numeric,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE public.insights (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  workspace_id uuid NOT NULL REFERENCES public.workspaces (id) ON DELETE CASCADE,
  contact_id uuid REFERENCES public.contacts (id) ON DELETE SET NULL,
  type public.insight_type NOT NULL,
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

CREATE TABLE public.briefings (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  workspace_id uuid NOT NULL REFERENCES public.workspaces (id) ON DELETE CASCADE,
  founder_id uuid NOT NULL REFERENCES public.founders (id) ON DELETE CASCADE,
  briefed_on date NOT NULL,
  summary text NOT NULL,
  sections jsonb NOT NULL DEFAULT '[]',
  sent_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (founder_id, briefed_on)
);

CREATE TABLE public.signals (
  id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  workspace_id uuid NOT NULL REFERENCES public.workspaces (id) ON DELETE CASCADE,
  contact_id uuid REFERENCES public.contacts (id) ON DELETE SET NULL,
  name text NOT NULL,
  value double precision,
  detail jsonb,
  observed_at timestamptz NOT NULL DEFAULT now()
);

-- Some indexes; the new project has more.
CREATE INDEX contacts_workspace_idx ON public.contacts (workspace_id, full_name);
CREATE INDEX contacts_embedding_idx ON public.contacts USING ivfflat (embedding vector_cosine_ops) WITH (lists = 10);
CREATE INDEX communications_thread_idx ON public.communications (thread_id, sent_at);
CREATE INDEX communications_recipients_idx ON public.communications USING gin (recipients);
CREATE INDEX event_log_stream_idx ON public.event_log (workspace_id, stream, id);
CREATE INDEX meetings_workspace_idx ON public.meetings (workspace_id, status);
CREATE INDEX tasks_project_idx ON public.tasks (project_id);
CREATE INDEX tasks_parent_idx ON public.tasks (parent_id) WHERE parent_id IS NOT NULL;
CREATE INDEX insights_workspace_idx ON public.insights (workspace_id, type);

CREATE FUNCTION public.set_updated_at() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.updated_at := clock_timestamp();
  RETURN NEW;
END $$;

DO $$
DECLARE
  name text;
BEGIN
  FOR name IN SELECT table_name FROM information_schema.columns
    WHERE column_name = 'updated_at' AND table_schema = 'public'
  LOOP
    EXECUTE format('CREATE TRIGGER %I BEFORE UPDATE ON public.%I FOR EACH ROW EXECUTE FUNCTION public.set_updated_at()',
      name || '_set_updated_at', name);
  END LOOP;
END $$;

-- What policies ask about the user of the request. Definers, since policies of members would ask themselves otherwise.
CREATE FUNCTION public.has_members(workspace uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
  SELECT EXISTS (SELECT FROM public.members m WHERE m.workspace_id = workspace)
$$;

CREATE FUNCTION public.user_workspaces() RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
  SELECT workspace_id FROM public.members WHERE user_id = auth.uid()
$$;

CREATE FUNCTION public.has_workspace_role(workspace uuid, wanted public.role_type) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
  SELECT EXISTS (SELECT FROM public.members m
    WHERE m.workspace_id = workspace AND m.user_id = auth.uid() AND m.role = wanted)
$$;

CREATE FUNCTION public.is_workspace_admin(workspace uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
  SELECT EXISTS (SELECT FROM public.members m
    WHERE m.workspace_id = workspace AND m.user_id = auth.uid() AND m.role IN ('owner', 'admin'))
$$;

CREATE FUNCTION public.is_founder(workspace uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
  SELECT EXISTS (SELECT FROM public.founders f WHERE f.workspace_id = workspace AND f.user_id = auth.uid())
$$;

CREATE FUNCTION public.get_founder_id(workspace uuid) RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
  SELECT f.id FROM public.founders f WHERE f.workspace_id = workspace AND f.user_id = auth.uid()
$$;

-- A workspace is seen by its members, and by who made it until it has one: who makes a workspace becomes its owner, once.
CREATE POLICY workspace_select ON public.workspaces FOR SELECT TO authenticated
  USING (id IN (SELECT public.user_workspaces()) OR (created_by = (SELECT auth.uid()) AND NOT public.has_members(id)));
CREATE POLICY workspace_insert ON public.workspaces FOR INSERT TO authenticated WITH CHECK (created_by = (SELECT auth.uid()));
CREATE POLICY workspace_update ON public.workspaces FOR UPDATE TO authenticated
  USING (public.is_workspace_admin(id)) WITH CHECK (public.is_workspace_admin(id));
CREATE POLICY workspace_delete ON public.workspaces FOR DELETE TO authenticated USING (public.has_workspace_role(id, 'owner'));

-- Admins look after the members, owners alone after owners.
CREATE POLICY workspace_select ON public.members FOR SELECT TO authenticated USING (workspace_id IN (SELECT public.user_workspaces()));
CREATE POLICY workspace_insert ON public.members FOR INSERT TO authenticated WITH CHECK (
  public.has_workspace_role(workspace_id, 'owner')
  OR (role <> 'owner' AND public.is_workspace_admin(workspace_id))
  OR (role = 'owner' AND user_id = (SELECT auth.uid()) AND NOT public.has_members(workspace_id)
    AND EXISTS (SELECT FROM public.workspaces w WHERE w.id = workspace_id AND w.created_by = (SELECT auth.uid()))));
CREATE POLICY workspace_update ON public.members FOR UPDATE TO authenticated
  USING (public.has_workspace_role(workspace_id, 'owner') OR (role <> 'owner' AND public.is_workspace_admin(workspace_id)))
  WITH CHECK (public.has_workspace_role(workspace_id, 'owner') OR (role <> 'owner' AND public.is_workspace_admin(workspace_id)));
CREATE POLICY workspace_delete ON public.members FOR DELETE TO authenticated
  USING (public.has_workspace_role(workspace_id, 'owner') OR (role <> 'owner' AND public.is_workspace_admin(workspace_id)));

-- Who may do what with the rows of all other tables. What nobody may is left to service_role.
DO $$
DECLARE
  policy record;
BEGIN
  FOR policy IN
    WITH who (name, condition) AS (VALUES
      ('member', 'workspace_id IN (SELECT public.user_workspaces())'),
      ('admin', 'public.is_workspace_admin(workspace_id)'),
      ('founder', 'public.is_founder(workspace_id) OR public.is_workspace_admin(workspace_id)'),
      ('self or admin', 'id = public.get_founder_id(workspace_id) OR public.is_workspace_admin(workspace_id)'),
      ('addressee', 'founder_id = public.get_founder_id(workspace_id) OR public.is_workspace_admin(workspace_id)')
    ),
    rules (table_name, may_select, may_insert, may_update, may_delete) AS (VALUES
      ('public.founders', 'member', 'admin', 'self or admin', 'admin'),
      ('public.companies', 'member', 'member', 'member', 'admin'),
      ('public.contacts', 'member', 'member', 'member', 'admin'),
      ('public.contact_links', 'member', 'member', 'member', 'member'),
      ('public.event_log', 'member', 'member', NULL, NULL),
      ('public.event_snapshots', 'member', 'admin', 'admin', 'admin'),
      ('public.audit_log', 'admin', 'member', NULL, NULL),
      ('public.integrations', 'admin', 'admin', 'admin', 'admin'),
      ('public.sync_runs', 'member', 'admin', 'admin', 'admin'),
      ('public.channels', 'member', 'admin', 'admin', 'admin'),
      ('public.threads', 'member', 'member', 'member', 'admin'),
      ('public.communications', 'member', 'member', 'member', 'admin'),
      ('public.attachments', 'member', 'member', 'member', 'admin'),
      ('public.meetings', 'member', 'member', 'member', 'admin'),
      ('public.meeting_participants', 'member', 'member', 'member', 'member'),
      ('public.transcripts', 'member', 'member', 'member', 'admin'),
      ('public.transcript_chunks', 'member', 'member', 'member', 'admin'),
      ('public.action_items', 'member', 'member', 'member', 'member'),
      ('public.media_assets', 'member', 'member', 'member', 'admin'),
      ('public.media_chunks', 'member', 'member', 'member', 'admin'),
      ('public.media_collections', 'member', 'member', 'member', 'member'),
      ('public.projects', 'member', 'member', 'member', 'admin'),
      ('public.tasks', 'member', 'member', 'member', 'member'),
      ('public.task_dependencies', 'member', 'member', 'member', 'member'),
      ('public.goals', 'member', 'founder', 'founder', 'admin'),
      ('public.insights', 'member', 'member', 'member', 'admin'),
      ('public.briefings', 'addressee', 'admin', 'admin', 'admin'),
      ('public.signals', 'member', 'member', 'admin', 'admin')
    )
    SELECT rules.table_name, command, condition
    FROM rules CROSS JOIN LATERAL (VALUES ('select', may_select), ('insert', may_insert), ('update', may_update),
        ('delete', may_delete)) AS allowed (command, name) JOIN who USING (name)
  LOOP
    EXECUTE format('CREATE POLICY %I ON %s FOR %s TO authenticated %s', 'workspace_' || policy.command, policy.table_name,
      policy.command, CASE policy.command
        WHEN 'insert' THEN format('WITH CHECK (%s)', policy.condition)
        WHEN 'update' THEN format('USING (%1$s) WITH CHECK (%1$s)', policy.condition)
        ELSE format('USING (%s)', policy.condition) END);
  END LOOP;
  FOR policy IN
    SELECT format('%I.%I', schemaname, tablename) AS table_name FROM pg_catalog.pg_tables
    WHERE schemaname = 'public'
  LOOP
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', policy.table_name);
    EXECUTE format('CREATE POLICY service_all ON %s TO service_role USING (true) WITH CHECK (true)', policy.table_name);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO authenticated, service_role', policy.table_name);
  END LOOP;
END $$;
