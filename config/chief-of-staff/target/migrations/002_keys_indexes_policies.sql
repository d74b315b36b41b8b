-- ferry: after-copy
-- The new project of the chief of staff, once every row is there: foreign keys, indexes, functions, views, updated_at triggers,
-- row level security and grants. One transaction; may run again, and then changes nothing. Apply waits for it, the old
-- project serves meanwhile.

-- The locks are taken all at once or not at all, so that apply, which writes these tables in the order of its events, never
-- ends in a deadlock with this. Whoever does not get them in time lets everybody go on, and is run again by ferry: below
-- deadlock_timeout, so that as a rule it is not apply that is cancelled.
SET LOCAL lock_timeout = '300ms';
-- One schema after the other, the table that is written most first: once it is free the others are.
LOCK TABLE ops.events, ops.snapshots, ops.audit_log, ops.integrations, ops.sync_runs,
  work.projects, work.tasks, work.task_dependencies, work.goals,
  comms.communications, comms.threads, comms.channels, comms.attachments,
  core.contacts, core.companies, core.contact_links, core.founders, core.members, core.workspaces,
  meetings.meetings, meetings.participants, meetings.transcripts, meetings.transcript_chunks, meetings.action_items,
  media.assets, media.media_chunks, media.collections,
  intel.insights, intel.briefings, intel.signals IN ACCESS EXCLUSIVE MODE;

-- ---------------------------------------------------------------------------------------------------- foreign keys

-- First, for they may fail: the domain schemas are applied side by side, and one may be a moment ahead of another and refer to
-- a row that has not arrived. Then nothing is kept, and ferry runs the file again.
DO $$
DECLARE
  key record;
BEGIN
  FOR key IN
    SELECT format('%I.%I', schemaname, tablename) AS table_name, tablename || '_workspace_fk' AS constraint_name,
           'workspace_id' AS column_name, 'core.workspaces' AS referred, 'CASCADE' AS on_delete
    FROM pg_catalog.pg_tables
    WHERE schemaname IN ('core', 'ops', 'comms', 'meetings', 'media', 'work', 'intel')
      AND tablename <> 'workspaces'
    UNION ALL
    SELECT * FROM (VALUES
      ('core.contacts', 'contacts_company_fk', 'company_id', 'core.companies', 'SET NULL'),
      ('core.contact_links', 'contact_links_from_fk', 'from_contact_id', 'core.contacts', 'CASCADE'),
      ('core.contact_links', 'contact_links_to_fk', 'to_contact_id', 'core.contacts', 'CASCADE'),
      ('ops.sync_runs', 'sync_runs_integration_fk', 'integration_id', 'ops.integrations', 'CASCADE'),
      ('comms.channels', 'channels_integration_fk', 'integration_id', 'ops.integrations', 'SET NULL'),
      ('comms.threads', 'threads_channel_fk', 'channel_id', 'comms.channels', 'CASCADE'),
      ('comms.threads', 'threads_contact_fk', 'contact_id', 'core.contacts', 'SET NULL'),
      ('comms.communications', 'communications_thread_fk', 'thread_id', 'comms.threads', 'CASCADE'),
      ('comms.communications', 'communications_contact_fk', 'contact_id', 'core.contacts', 'SET NULL'),
      ('comms.attachments', 'attachments_communication_fk', 'communication_id', 'comms.communications', 'CASCADE'),
      ('comms.attachments', 'attachments_asset_fk', 'asset_id', 'media.assets', 'SET NULL'),
      ('meetings.meetings', 'meetings_founder_fk', 'founder_id', 'core.founders', 'SET NULL'),
      ('meetings.participants', 'participants_meeting_fk', 'meeting_id', 'meetings.meetings', 'CASCADE'),
      ('meetings.participants', 'participants_contact_fk', 'contact_id', 'core.contacts', 'CASCADE'),
      ('meetings.transcripts', 'transcripts_meeting_fk', 'meeting_id', 'meetings.meetings', 'CASCADE'),
      ('meetings.transcript_chunks', 'transcript_chunks_transcript_fk', 'transcript_id', 'meetings.transcripts', 'CASCADE'),
      ('meetings.action_items', 'action_items_meeting_fk', 'meeting_id', 'meetings.meetings', 'CASCADE'),
      ('meetings.action_items', 'action_items_task_fk', 'task_id', 'work.tasks', 'SET NULL'),
      ('meetings.action_items', 'action_items_owner_fk', 'owner_id', 'core.founders', 'SET NULL'),
      ('media.media_chunks', 'media_chunks_asset_fk', 'asset_id', 'media.assets', 'CASCADE'),
      ('work.projects', 'projects_founder_fk', 'founder_id', 'core.founders', 'SET NULL'),
      ('work.tasks', 'tasks_project_fk', 'project_id', 'work.projects', 'SET NULL'),
      ('work.tasks', 'tasks_parent_fk', 'parent_id', 'work.tasks', 'CASCADE'),
      ('work.task_dependencies', 'task_dependencies_task_fk', 'task_id', 'work.tasks', 'CASCADE'),
      ('work.task_dependencies', 'task_dependencies_on_fk', 'depends_on_id', 'work.tasks', 'CASCADE'),
      ('work.goals', 'goals_founder_fk', 'founder_id', 'core.founders', 'SET NULL'),
      ('intel.insights', 'insights_contact_fk', 'contact_id', 'core.contacts', 'SET NULL'),
      ('intel.briefings', 'briefings_founder_fk', 'founder_id', 'core.founders', 'CASCADE'),
      ('intel.signals', 'signals_contact_fk', 'contact_id', 'core.contacts', 'SET NULL')
    ) AS wanted
  LOOP
    CONTINUE WHEN EXISTS (SELECT FROM pg_catalog.pg_constraint
                          WHERE conrelid = key.table_name::regclass AND conname = key.constraint_name);
    EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %I FOREIGN KEY (%I) REFERENCES %s (id) ON DELETE %s',
      key.table_name, key.constraint_name, key.column_name, key.referred, key.on_delete);
  END LOOP;
END $$;

-- --------------------------------------------------------------------------------------------------------- indexes

CREATE INDEX IF NOT EXISTS idx_workspaces_created_by ON core.workspaces (created_by);
CREATE INDEX IF NOT EXISTS idx_members_user ON core.members (user_id);
CREATE INDEX IF NOT EXISTS idx_members_role ON core.members (workspace_id, role);
CREATE INDEX IF NOT EXISTS idx_founders_user ON core.founders (user_id);
CREATE INDEX IF NOT EXISTS idx_founders_email ON core.founders (workspace_id, lower(email));
CREATE INDEX IF NOT EXISTS idx_companies_workspace ON core.companies (workspace_id, name);
CREATE INDEX IF NOT EXISTS idx_companies_domain ON core.companies (workspace_id, domain) WHERE domain IS NOT NULL;
CREATE INDEX IF NOT EXISTS idx_companies_metadata ON core.companies USING gin (metadata jsonb_path_ops);
CREATE INDEX IF NOT EXISTS idx_contacts_workspace ON core.contacts (workspace_id, full_name);
CREATE INDEX IF NOT EXISTS idx_contacts_company ON core.contacts (company_id);
CREATE INDEX IF NOT EXISTS idx_contacts_email ON core.contacts (workspace_id, lower(email));
CREATE INDEX IF NOT EXISTS idx_contacts_relationship ON core.contacts (workspace_id, relationship);
CREATE INDEX IF NOT EXISTS idx_contacts_importance ON core.contacts (workspace_id, importance DESC);
CREATE INDEX IF NOT EXISTS idx_contacts_last_contacted ON core.contacts (workspace_id, last_contacted_at);
CREATE INDEX IF NOT EXISTS idx_contacts_tags ON core.contacts USING gin (tags);
CREATE INDEX IF NOT EXISTS idx_contacts_metadata ON core.contacts USING gin (metadata);
CREATE INDEX IF NOT EXISTS idx_contact_links_workspace ON core.contact_links (workspace_id);
CREATE INDEX IF NOT EXISTS idx_contact_links_to ON core.contact_links (to_contact_id);

CREATE INDEX IF NOT EXISTS idx_events_workspace ON ops.events (workspace_id, occurred_at);
CREATE INDEX IF NOT EXISTS idx_events_stream ON ops.events (workspace_id, stream, id);
CREATE INDEX IF NOT EXISTS idx_events_type ON ops.events (type);
CREATE INDEX IF NOT EXISTS idx_events_actor ON ops.events (actor_id);
CREATE INDEX IF NOT EXISTS idx_events_payload ON ops.events USING gin (payload jsonb_path_ops);
CREATE INDEX IF NOT EXISTS idx_snapshots_created ON ops.snapshots (workspace_id, created_at);
CREATE INDEX IF NOT EXISTS idx_audit_log_workspace ON ops.audit_log (workspace_id, happened_at);
CREATE INDEX IF NOT EXISTS idx_audit_log_actor ON ops.audit_log (actor_id);
CREATE INDEX IF NOT EXISTS idx_audit_log_action ON ops.audit_log (action);
CREATE INDEX IF NOT EXISTS idx_integrations_active ON ops.integrations (provider) WHERE is_active;
CREATE INDEX IF NOT EXISTS idx_integrations_synced ON ops.integrations (last_synced_at);
CREATE INDEX IF NOT EXISTS idx_sync_runs_workspace ON ops.sync_runs (workspace_id, started_at);
CREATE INDEX IF NOT EXISTS idx_sync_runs_integration ON ops.sync_runs (integration_id);
CREATE INDEX IF NOT EXISTS idx_sync_runs_open ON ops.sync_runs (started_at) WHERE status IN ('pending', 'running');

CREATE INDEX IF NOT EXISTS idx_channels_workspace ON comms.channels (workspace_id, type);
CREATE INDEX IF NOT EXISTS idx_channels_integration ON comms.channels (integration_id);
CREATE INDEX IF NOT EXISTS idx_threads_workspace ON comms.threads (workspace_id, last_message_at DESC);
CREATE INDEX IF NOT EXISTS idx_threads_channel ON comms.threads (channel_id);
CREATE INDEX IF NOT EXISTS idx_threads_contact ON comms.threads (contact_id);
CREATE INDEX IF NOT EXISTS idx_threads_open ON comms.threads (workspace_id) WHERE is_archived IS NOT TRUE;
CREATE INDEX IF NOT EXISTS idx_comms_workspace ON comms.communications (workspace_id, sent_at DESC);
CREATE INDEX IF NOT EXISTS idx_comms_thread ON comms.communications (thread_id, sent_at);
CREATE INDEX IF NOT EXISTS idx_comms_contact ON comms.communications (contact_id, sent_at);
CREATE INDEX IF NOT EXISTS idx_comms_direction ON comms.communications (workspace_id, direction);
CREATE INDEX IF NOT EXISTS idx_comms_recipients ON comms.communications USING gin (recipients);
CREATE INDEX IF NOT EXISTS idx_comms_metadata ON comms.communications USING gin (metadata);
CREATE INDEX IF NOT EXISTS idx_comms_text ON comms.communications USING gin (to_tsvector('simple', coalesce(subject, '') || ' ' || coalesce(body, '')));
CREATE INDEX IF NOT EXISTS idx_attachments_workspace ON comms.attachments (workspace_id);
CREATE INDEX IF NOT EXISTS idx_attachments_communication ON comms.attachments (communication_id);
CREATE INDEX IF NOT EXISTS idx_attachments_asset ON comms.attachments (asset_id);

CREATE INDEX IF NOT EXISTS idx_meetings_workspace ON meetings.meetings (workspace_id, status);
CREATE INDEX IF NOT EXISTS idx_meetings_founder ON meetings.meetings (founder_id);
CREATE INDEX IF NOT EXISTS idx_meetings_start ON meetings.meetings (workspace_id, lower(held_during));
CREATE INDEX IF NOT EXISTS idx_meetings_agenda ON meetings.meetings USING gin (agenda);
CREATE INDEX IF NOT EXISTS idx_participants_workspace ON meetings.participants (workspace_id);
CREATE INDEX IF NOT EXISTS idx_participants_contact ON meetings.participants (contact_id);
CREATE INDEX IF NOT EXISTS idx_transcripts_workspace ON meetings.transcripts (workspace_id);
CREATE INDEX IF NOT EXISTS idx_transcripts_meeting ON meetings.transcripts (meeting_id);
CREATE INDEX IF NOT EXISTS idx_transcripts_text ON meetings.transcripts USING gin (to_tsvector('simple', full_text));
CREATE INDEX IF NOT EXISTS idx_chunks_workspace ON meetings.transcript_chunks (workspace_id);
CREATE INDEX IF NOT EXISTS idx_chunks_speaker ON meetings.transcript_chunks (transcript_id, speaker);
CREATE INDEX IF NOT EXISTS idx_action_items_workspace ON meetings.action_items (workspace_id, due_on);
CREATE INDEX IF NOT EXISTS idx_action_items_meeting ON meetings.action_items (meeting_id);
CREATE INDEX IF NOT EXISTS idx_action_items_task ON meetings.action_items (task_id);
CREATE INDEX IF NOT EXISTS idx_action_items_owner ON meetings.action_items (owner_id) WHERE NOT is_done;

CREATE INDEX IF NOT EXISTS idx_assets_workspace ON media.assets (workspace_id, type);
CREATE INDEX IF NOT EXISTS idx_assets_checksum ON media.assets (checksum);
CREATE INDEX IF NOT EXISTS idx_assets_metadata ON media.assets USING gin (metadata);
CREATE INDEX IF NOT EXISTS idx_media_chunks_workspace ON media.media_chunks (workspace_id);
CREATE INDEX IF NOT EXISTS idx_media_chunks_text ON media.media_chunks USING gin (to_tsvector('simple', content));
CREATE INDEX IF NOT EXISTS idx_collections_workspace ON media.collections (workspace_id, name);
CREATE INDEX IF NOT EXISTS idx_collections_assets ON media.collections USING gin (asset_ids);

CREATE INDEX IF NOT EXISTS idx_projects_workspace ON work.projects (workspace_id, priority);
CREATE INDEX IF NOT EXISTS idx_projects_founder ON work.projects (founder_id);
CREATE INDEX IF NOT EXISTS idx_projects_ends ON work.projects (ends_on);
CREATE INDEX IF NOT EXISTS idx_tasks_workspace ON work.tasks (workspace_id, status);
CREATE INDEX IF NOT EXISTS idx_tasks_project ON work.tasks (project_id);
CREATE INDEX IF NOT EXISTS idx_tasks_parent ON work.tasks (parent_id) WHERE parent_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS idx_tasks_due ON work.tasks (workspace_id, due_at) WHERE completed_at IS NULL;
CREATE INDEX IF NOT EXISTS idx_tasks_tags ON work.tasks USING gin (tags);
CREATE INDEX IF NOT EXISTS idx_task_dependencies_workspace ON work.task_dependencies (workspace_id);
CREATE INDEX IF NOT EXISTS idx_task_dependencies_on ON work.task_dependencies (depends_on_id);
CREATE INDEX IF NOT EXISTS idx_goals_workspace ON work.goals (workspace_id);
CREATE INDEX IF NOT EXISTS idx_goals_founder ON work.goals (founder_id);

CREATE INDEX IF NOT EXISTS idx_insights_workspace ON intel.insights (workspace_id, type);
CREATE INDEX IF NOT EXISTS idx_insights_contact ON intel.insights (contact_id);
CREATE INDEX IF NOT EXISTS idx_insights_open ON intel.insights (workspace_id, created_at) WHERE NOT is_dismissed;
CREATE INDEX IF NOT EXISTS idx_insights_expires ON intel.insights (expires_at);
CREATE INDEX IF NOT EXISTS idx_insights_evidence ON intel.insights USING gin (evidence);
CREATE INDEX IF NOT EXISTS idx_briefings_workspace ON intel.briefings (workspace_id, briefed_on);
CREATE INDEX IF NOT EXISTS idx_signals_workspace ON intel.signals (workspace_id, observed_at);
CREATE INDEX IF NOT EXISTS idx_signals_contact ON intel.signals (contact_id);
CREATE INDEX IF NOT EXISTS idx_signals_name ON intel.signals (workspace_id, name);

-- Lists are made of the rows that are there, which is why these above all come after the copy. Sampling takes memory.
SET LOCAL maintenance_work_mem = '256MB';
CREATE INDEX IF NOT EXISTS idx_contacts_embedding ON core.contacts USING ivfflat (embedding vector_cosine_ops) WITH (lists = 100);
CREATE INDEX IF NOT EXISTS idx_comms_embedding ON comms.communications USING ivfflat (embedding vector_cosine_ops) WITH (lists = 100);
CREATE INDEX IF NOT EXISTS idx_chunks_embedding ON meetings.transcript_chunks USING ivfflat (embedding vector_cosine_ops) WITH (lists = 100);
CREATE INDEX IF NOT EXISTS idx_media_chunks_embedding ON media.media_chunks USING ivfflat (embedding vector_cosine_ops) WITH (lists = 100);
CREATE INDEX IF NOT EXISTS idx_insights_embedding ON intel.insights USING ivfflat (embedding vector_cosine_ops) WITH (lists = 100);

-- ------------------------------------------------------------------------------------------------------- functions

CREATE OR REPLACE FUNCTION core.set_updated_at() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.updated_at := clock_timestamp();
  RETURN NEW;
END $$;

-- For policies: it looks past them.
CREATE OR REPLACE FUNCTION core.has_members(workspace uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
  SELECT EXISTS (SELECT FROM core.members m WHERE m.workspace_id = workspace)
$$;

-- Leaves an event in a stream of the caller's workspace.
CREATE OR REPLACE FUNCTION ops.append_event(workspace uuid, stream text, type text, payload jsonb DEFAULT '{}') RETURNS bigint
LANGUAGE sql SET search_path = '' AS $$
  INSERT INTO ops.events (workspace_id, request_id, stream, type, payload, actor_id)
  VALUES (workspace, gen_random_uuid(), stream, type, payload, auth.uid()) RETURNING id
$$;

-- Semantic search, within what the caller may see. Their bodies are parsed now, so that operators of vector are found
-- whatever the caller's search_path is.
CREATE OR REPLACE FUNCTION core.match_contacts(query vector(1536), matches integer DEFAULT 5)
RETURNS TABLE (id uuid, full_name text, similarity double precision) LANGUAGE sql STABLE
BEGIN ATOMIC
  SELECT c.id, c.full_name, 1 - (c.embedding <=> query) FROM core.contacts c
  WHERE c.embedding IS NOT NULL ORDER BY c.embedding <=> query LIMIT matches;
END;

CREATE OR REPLACE FUNCTION comms.match_communications(query vector(1536), matches integer DEFAULT 5)
RETURNS TABLE (id uuid, subject text, similarity double precision) LANGUAGE sql STABLE
BEGIN ATOMIC
  SELECT c.id, c.subject, 1 - (c.embedding <=> query) FROM comms.communications c
  WHERE c.embedding IS NOT NULL ORDER BY c.embedding <=> query LIMIT matches;
END;

-- ----------------------------------------------------------------------------------------------------------- views

CREATE OR REPLACE VIEW core.contact_overview WITH (security_invoker = true) AS
SELECT c.id, c.workspace_id, c.full_name, c.email, k.name AS company, c.relationship, c.importance, c.last_contacted_at
FROM core.contacts c LEFT JOIN core.companies k ON k.id = c.company_id;

CREATE OR REPLACE VIEW meetings.upcoming_meetings WITH (security_invoker = true) AS
SELECT m.id, m.workspace_id, m.title, m.held_during, m.location,
       (SELECT count(*) FROM meetings.participants p WHERE p.meeting_id = m.id AND p.response = 'accepted') AS accepted
FROM meetings.meetings m WHERE m.status = 'scheduled' AND upper(m.held_during) > now();

CREATE OR REPLACE VIEW work.open_tasks WITH (security_invoker = true) AS
SELECT t.id, t.workspace_id, t.title, t.status, t.priority, t.due_at, p.name AS project,
       (SELECT count(*) FROM work.task_dependencies d JOIN work.tasks b ON b.id = d.depends_on_id
        WHERE d.task_id = t.id AND b.status NOT IN ('done', 'dropped')) AS blocked_by
FROM work.tasks t LEFT JOIN work.projects p ON p.id = t.project_id
WHERE t.status NOT IN ('done', 'dropped');

-- -------------------------------------------------------------------------------------------------------- triggers

DO $$
DECLARE
  has record;
BEGIN
  FOR has IN
    SELECT t.schemaname, t.tablename FROM pg_catalog.pg_tables t
    JOIN information_schema.columns c ON c.table_schema = t.schemaname AND c.table_name = t.tablename
    WHERE c.column_name = 'updated_at' AND t.schemaname IN ('core', 'ops', 'comms', 'meetings', 'media', 'work', 'intel')
  LOOP
    EXECUTE format('CREATE OR REPLACE TRIGGER %I BEFORE UPDATE ON %I.%I FOR EACH ROW EXECUTE FUNCTION core.set_updated_at()',
      has.tablename || '_set_updated_at', has.schemaname, has.tablename);
  END LOOP;
END $$;

-- ---------------------------------------------------------------------------------------------- row level security

-- What policies ask about the user of the request. Definers, since policies of members would ask themselves otherwise.
CREATE OR REPLACE FUNCTION auth.user_workspaces() RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
  SELECT workspace_id FROM core.members WHERE user_id = auth.uid()
$$;

CREATE OR REPLACE FUNCTION auth.has_workspace_role(workspace uuid, wanted core.role_type) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
  SELECT EXISTS (SELECT FROM core.members m
    WHERE m.workspace_id = workspace AND m.user_id = auth.uid() AND m.role = wanted)
$$;

CREATE OR REPLACE FUNCTION auth.is_workspace_admin(workspace uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
  SELECT EXISTS (SELECT FROM core.members m
    WHERE m.workspace_id = workspace AND m.user_id = auth.uid() AND m.role IN ('owner', 'admin'))
$$;

CREATE OR REPLACE FUNCTION auth.is_founder(workspace uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
  SELECT EXISTS (SELECT FROM core.founders f WHERE f.workspace_id = workspace AND f.user_id = auth.uid())
$$;

CREATE OR REPLACE FUNCTION auth.get_founder_id(workspace uuid) RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
  SELECT f.id FROM core.founders f WHERE f.workspace_id = workspace AND f.user_id = auth.uid()
$$;

GRANT USAGE ON SCHEMA core, ops, comms, meetings, media, work, intel TO authenticated, service_role;
GRANT SELECT ON core.contact_overview, meetings.upcoming_meetings, work.open_tasks TO authenticated, service_role;

-- A workspace is seen by its members, and by who made it until it has one: who makes a workspace becomes its owner, once.
DROP POLICY IF EXISTS workspace_select ON core.workspaces;
CREATE POLICY workspace_select ON core.workspaces FOR SELECT TO authenticated
  USING (id IN (SELECT auth.user_workspaces()) OR (created_by = (SELECT auth.uid()) AND NOT core.has_members(id)));
DROP POLICY IF EXISTS workspace_insert ON core.workspaces;
CREATE POLICY workspace_insert ON core.workspaces FOR INSERT TO authenticated WITH CHECK (created_by = (SELECT auth.uid()));
DROP POLICY IF EXISTS workspace_update ON core.workspaces;
CREATE POLICY workspace_update ON core.workspaces FOR UPDATE TO authenticated
  USING (auth.is_workspace_admin(id)) WITH CHECK (auth.is_workspace_admin(id));
DROP POLICY IF EXISTS workspace_delete ON core.workspaces;
CREATE POLICY workspace_delete ON core.workspaces FOR DELETE TO authenticated USING (auth.has_workspace_role(id, 'owner'));

-- Admins look after the members, owners alone after owners.
DROP POLICY IF EXISTS workspace_select ON core.members;
CREATE POLICY workspace_select ON core.members FOR SELECT TO authenticated USING (workspace_id IN (SELECT auth.user_workspaces()));
DROP POLICY IF EXISTS workspace_insert ON core.members;
CREATE POLICY workspace_insert ON core.members FOR INSERT TO authenticated WITH CHECK (
  auth.has_workspace_role(workspace_id, 'owner')
  OR (role <> 'owner' AND auth.is_workspace_admin(workspace_id))
  OR (role = 'owner' AND user_id = (SELECT auth.uid()) AND NOT core.has_members(workspace_id)
    AND EXISTS (SELECT FROM core.workspaces w WHERE w.id = workspace_id AND w.created_by = (SELECT auth.uid()))));
DROP POLICY IF EXISTS workspace_update ON core.members;
CREATE POLICY workspace_update ON core.members FOR UPDATE TO authenticated
  USING (auth.has_workspace_role(workspace_id, 'owner') OR (role <> 'owner' AND auth.is_workspace_admin(workspace_id)))
  WITH CHECK (auth.has_workspace_role(workspace_id, 'owner') OR (role <> 'owner' AND auth.is_workspace_admin(workspace_id)));
DROP POLICY IF EXISTS workspace_delete ON core.members;
CREATE POLICY workspace_delete ON core.members FOR DELETE TO authenticated
  USING (auth.has_workspace_role(workspace_id, 'owner') OR (role <> 'owner' AND auth.is_workspace_admin(workspace_id)));

-- Who may do what with the rows of all other tables. What nobody may is left to service_role.
DO $$
DECLARE
  policy record;
BEGIN
  FOR policy IN
    WITH who (name, condition) AS (VALUES
      ('member', 'workspace_id IN (SELECT auth.user_workspaces())'),
      ('admin', 'auth.is_workspace_admin(workspace_id)'),
      ('founder', 'auth.is_founder(workspace_id) OR auth.is_workspace_admin(workspace_id)'),
      ('self or admin', 'id = auth.get_founder_id(workspace_id) OR auth.is_workspace_admin(workspace_id)'),
      ('addressee', 'founder_id = auth.get_founder_id(workspace_id) OR auth.is_workspace_admin(workspace_id)')
    ),
    rules (table_name, may_select, may_insert, may_update, may_delete) AS (VALUES
      ('core.founders', 'member', 'admin', 'self or admin', 'admin'),
      ('core.companies', 'member', 'member', 'member', 'admin'),
      ('core.contacts', 'member', 'member', 'member', 'admin'),
      ('core.contact_links', 'member', 'member', 'member', 'member'),
      ('ops.events', 'member', 'member', NULL, NULL),
      ('ops.snapshots', 'member', 'admin', 'admin', 'admin'),
      ('ops.audit_log', 'admin', 'member', NULL, NULL),
      ('ops.integrations', 'admin', 'admin', 'admin', 'admin'),
      ('ops.sync_runs', 'member', 'admin', 'admin', 'admin'),
      ('comms.channels', 'member', 'admin', 'admin', 'admin'),
      ('comms.threads', 'member', 'member', 'member', 'admin'),
      ('comms.communications', 'member', 'member', 'member', 'admin'),
      ('comms.attachments', 'member', 'member', 'member', 'admin'),
      ('meetings.meetings', 'member', 'member', 'member', 'admin'),
      ('meetings.participants', 'member', 'member', 'member', 'member'),
      ('meetings.transcripts', 'member', 'member', 'member', 'admin'),
      ('meetings.transcript_chunks', 'member', 'member', 'member', 'admin'),
      ('meetings.action_items', 'member', 'member', 'member', 'member'),
      ('media.assets', 'member', 'member', 'member', 'admin'),
      ('media.media_chunks', 'member', 'member', 'member', 'admin'),
      ('media.collections', 'member', 'member', 'member', 'member'),
      ('work.projects', 'member', 'member', 'member', 'admin'),
      ('work.tasks', 'member', 'member', 'member', 'member'),
      ('work.task_dependencies', 'member', 'member', 'member', 'member'),
      ('work.goals', 'member', 'founder', 'founder', 'admin'),
      ('intel.insights', 'member', 'member', 'member', 'admin'),
      ('intel.briefings', 'addressee', 'admin', 'admin', 'admin'),
      ('intel.signals', 'member', 'member', 'admin', 'admin')
    )
    SELECT rules.table_name, command, condition
    FROM rules CROSS JOIN LATERAL (VALUES ('select', may_select), ('insert', may_insert), ('update', may_update),
        ('delete', may_delete)) AS allowed (command, name) JOIN who USING (name)
  LOOP
    EXECUTE format('DROP POLICY IF EXISTS %I ON %s', 'workspace_' || policy.command, policy.table_name);
    EXECUTE format('CREATE POLICY %I ON %s FOR %s TO authenticated %s', 'workspace_' || policy.command, policy.table_name,
      policy.command, CASE policy.command
        WHEN 'insert' THEN format('WITH CHECK (%s)', policy.condition)
        WHEN 'update' THEN format('USING (%1$s) WITH CHECK (%1$s)', policy.condition)
        ELSE format('USING (%s)', policy.condition) END);
  END LOOP;
  FOR policy IN
    SELECT format('%I.%I', schemaname, tablename) AS table_name FROM pg_catalog.pg_tables
    WHERE schemaname IN ('core', 'ops', 'comms', 'meetings', 'media', 'work', 'intel')
  LOOP
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', policy.table_name);
    EXECUTE format('DROP POLICY IF EXISTS service_all ON %s', policy.table_name);
    EXECUTE format('CREATE POLICY service_all ON %s TO service_role USING (true) WITH CHECK (true)', policy.table_name);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO authenticated, service_role', policy.table_name);
  END LOOP;
END $$;
