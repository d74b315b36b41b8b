-- Deterministic data for the old project: the same rows for the same number, whatever the day and the machine.
-- The number of rows of all tables together is the setting ferry_demo.rows (1,000 at the least). Everything derives
-- from row numbers and md5; nothing from random() or now(). Runs as one transaction with search_path = public, behind
-- config/generator.sql.

-- How many rows each kind has; events are what is left.
CREATE TEMP TABLE size ON COMMIT DROP AS
SELECT *, total - workspaces - members - founders - companies - contacts - contact_links - integrations - sync_runs - snapshots
         - audits - channels - threads - communications - attachments - meetings - participants - transcripts
         - transcript_chunks - action_items - assets - media_chunks - collections - projects - tasks - task_dependencies
         - goals - insights - briefings - signals AS events
FROM (
  SELECT n AS total, n / 250 AS workspaces, n / 50 AS members, n / 125 AS founders, n / 50 AS companies, n / 20 AS contacts,
         n / 40 AS contact_links, n / 125 AS integrations, n / 40 AS sync_runs, n / 50 AS snapshots, n / 20 AS audits,
         n / 100 AS channels, n / 25 AS threads, n / 10 AS communications, n / 40 AS attachments, n / 40 AS meetings,
         n / 20 AS participants, n / 50 AS transcripts, n / 20 AS transcript_chunks, n / 40 AS action_items,
         n / 50 AS assets, n / 40 AS media_chunks, n / 200 AS collections, n / 100 AS projects, n * 2 / 25 AS tasks,
         n / 40 AS task_dependencies, n / 100 AS goals, n / 25 AS insights, n / 50 AS briefings, n / 20 AS signals
  FROM (SELECT current_setting('ferry_demo.rows')::bigint AS n) AS setting
) AS shares;

-- Row i of a kind is the turn-th of its workspace, and rows refer to rows of the same one. With w workspaces:
CREATE FUNCTION pg_temp.workspace_of(i bigint, w bigint) RETURNS uuid LANGUAGE sql STABLE
  AS $$ SELECT pg_temp.id_of('workspace', 1 + (i - 1) % w) $$;
CREATE FUNCTION pg_temp.turn(i bigint, w bigint) RETURNS bigint LANGUAGE sql STABLE AS $$ SELECT (i - 1) / w $$;
-- One of the p rows of another kind in the workspace of row i, the step-th behind the one that is i's by its turn.
CREATE FUNCTION pg_temp.kin(kind text, i bigint, w bigint, p bigint, step bigint DEFAULT 0) RETURNS uuid LANGUAGE sql STABLE
  AS $$ SELECT pg_temp.id_of(kind, 1 + (i - 1) % w + w * (((i - 1) / w + step) % (p / w))) $$;

INSERT INTO workspaces (id, name, timezone, settings, created_by, created_at, updated_at)
SELECT pg_temp.id_of('workspace', i), 'Workspace ' || i || ' ' || pg_temp.odd_text(i), (ARRAY['UTC', 'Europe/Berlin', 'Asia/Tokyo'])[1 + i % 3],
       pg_temp.odd_json(i), pg_temp.id_of('user', i), pg_temp.moment(i * 29), pg_temp.moment(i * 29 + 60)
FROM size, generate_series(1, size.workspaces) AS i;

-- The first of each workspace owns it, the second is an admin.
INSERT INTO members (workspace_id, user_id, role, invited_by, created_at, updated_at)
SELECT pg_temp.workspace_of(i, workspaces), pg_temp.id_of('user', i),
       (CASE pg_temp.turn(i, workspaces) WHEN 0 THEN 'owner' WHEN 1 THEN 'admin' ELSE (ARRAY['member', 'member', 'member', 'service'])[1 + i % 4] END)::role_type,
       CASE WHEN pg_temp.turn(i, workspaces) > 0 THEN pg_temp.kin('user', 1 + (i - 1) % workspaces, workspaces, workspaces) END,
       pg_temp.moment(i * 31), pg_temp.moment(i * 31 + 60)
FROM size, generate_series(1, size.members) AS i;

INSERT INTO founders (id, workspace_id, user_id, name, email, preferences, created_at, updated_at)
SELECT pg_temp.id_of('founder', i), pg_temp.workspace_of(i, workspaces), pg_temp.id_of('user', i), pg_temp.odd_text(i) || ' ' || i,
       'founder' || i || '@example.com', pg_temp.odd_json(i * 6 + i % 3), pg_temp.moment(i * 37), pg_temp.moment(i * 37 + 60)
FROM size, generate_series(1, size.founders) AS i;

INSERT INTO companies (id, workspace_id, name, domain, founded_on, metadata, created_at, updated_at)
SELECT pg_temp.id_of('company', i), pg_temp.workspace_of(i, workspaces), pg_temp.odd_text(i * 5) || ' Ltd ' || i,
       CASE WHEN i % 3 <> 0 THEN 'company' || i || '.example.org' END,
       CASE i % 41 WHEN 1 THEN 'infinity'::date WHEN 2 THEN '0044-03-15 BC'::date ELSE date '1990-01-01' + (i % 12000)::int END,
       pg_temp.odd_json(i), pg_temp.moment(i * 41), pg_temp.moment(i * 41 + 60)
FROM size, generate_series(1, size.companies) AS i;

INSERT INTO contacts (id, workspace_id, company_id, full_name, email, phones, tags, relationship, importance, notes, metadata, embedding,
  last_contacted_at, created_at, updated_at)
SELECT pg_temp.id_of('contact', i), pg_temp.workspace_of(i, workspaces),
       CASE WHEN i % 3 <> 0 THEN pg_temp.kin('company', i, workspaces, companies) END,
       pg_temp.odd_text(i * 7) || ' ' || i, CASE WHEN i % 5 <> 0 THEN 'Contact' || i || '@example.net' END,
       CASE WHEN i % 4 <> 0 THEN pg_temp.odd_array(i) END, ARRAY[pg_temp.odd_text(i), 'tag ' || i % 9],
       CASE WHEN i % 6 <> 0 THEN (enum_range(NULL::relationship_type))[1 + i % 7] END, (i * 13 % 101)::smallint,
       CASE i % 20 WHEN 0 THEN repeat(md5(i::text) || pg_temp.odd_text(i / 20), 200) WHEN 1 THEN '' WHEN 2 THEN NULL ELSE pg_temp.odd_text(i) END,
       pg_temp.odd_json(i * 6 + 1), CASE WHEN i % 2 = 0 THEN pg_temp.embedding(i)::vector END,
       CASE i % 13 WHEN 0 THEN NULL WHEN 1 THEN 'infinity' WHEN 2 THEN '-infinity' ELSE pg_temp.moment(i * 613) END,
       pg_temp.moment(i * 43), pg_temp.moment(i * 43 + 60)
FROM size, generate_series(1, size.contacts) AS i;

INSERT INTO contact_links (from_contact_id, to_contact_id, workspace_id, kind, strength, created_at)
SELECT pg_temp.kin('contact', i, workspaces, contacts),
       pg_temp.kin('contact', i, workspaces, contacts, 1 + pg_temp.turn(i, workspaces) / (contacts / workspaces)),
       pg_temp.workspace_of(i, workspaces), pg_temp.odd_text(i), CASE i % 5 WHEN 0 THEN 'NaN' WHEN 1 THEN 0.1 WHEN 2 THEN 1e-40 WHEN 3 THEN 3.4028235e38 END::real,
       pg_temp.moment(i * 47)
FROM size, generate_series(1, size.contact_links) AS i;

INSERT INTO event_log (id, workspace_id, request_id, stream, type, payload, actor_id, occurred_at)
SELECT i, pg_temp.workspace_of(i, workspaces), pg_temp.id_of('request', i), 'task ' || i % 50, (ARRAY['created', 'moved', 'done'])[1 + i % 3],
       jsonb_build_object('n', i, 'text', pg_temp.odd_text(i)), CASE WHEN i % 8 <> 0 THEN pg_temp.kin('user', i, workspaces, members) END,
       pg_temp.moment(i * 53)
FROM size, generate_series(1, size.events) AS i;

INSERT INTO event_snapshots (id, workspace_id, stream, version, state, created_at)
SELECT pg_temp.id_of('snapshot', i), pg_temp.workspace_of(i, workspaces), 'task ' || i % 50, 9007199254740992 + i, pg_temp.odd_json(i), pg_temp.moment(i * 59)
FROM size, generate_series(1, size.snapshots) AS i;

INSERT INTO audit_log (id, workspace_id, actor_id, action, subject, detail, ip, happened_at)
SELECT i, pg_temp.workspace_of(i, workspaces), pg_temp.kin('user', i, workspaces, members), (ARRAY['login', 'export', 'grant'])[1 + i % 3],
       nullif(pg_temp.odd_text(i), '0'), CASE WHEN i % 3 <> 0 THEN pg_temp.odd_json(i) END,
       CASE i % 4 WHEN 0 THEN '2001:db8::' || to_hex(i % 65536) WHEN 1 THEN '10.0.' || i % 256 || '.0/24' WHEN 2 THEN '192.0.2.' || i % 256 END::inet,
       pg_temp.moment(i * 61)
FROM size, generate_series(1, size.audits) AS i;

INSERT INTO integrations (id, workspace_id, provider, account, scopes, sealed_token, is_active, settings, last_synced_at, created_at, updated_at)
SELECT pg_temp.id_of('integration', i), pg_temp.workspace_of(i, workspaces), (enum_range(NULL::provider_type))[1 + i % 5], 'account' || i || '@example.com',
       pg_temp.odd_array(i), CASE i % 3 WHEN 0 THEN decode(md5(i::text), 'hex') WHEN 1 THEN ''::bytea END, i % 7 <> 0, pg_temp.odd_json(i),
       CASE WHEN i % 5 <> 0 THEN pg_temp.moment(i * 67) END, pg_temp.moment(i * 67), pg_temp.moment(i * 67 + 60)
FROM size, generate_series(1, size.integrations) AS i;

INSERT INTO sync_runs (id, workspace_id, integration_id, status, cursor_token, items, duration, error, started_at, finished_at)
SELECT i, pg_temp.workspace_of(i, workspaces), pg_temp.kin('integration', i, workspaces, integrations), (enum_range(NULL::run_status))[1 + i % 4],
       CASE WHEN i % 2 = 0 THEN md5(i::text) END, (i * 17 % 1000)::int,
       CASE i % 4 WHEN 0 THEN interval '1 year 2 mons -3 days 04:05:06.789' WHEN 1 THEN i * interval '1 millisecond' WHEN 2 THEN interval '-00:00:01' END,
       CASE WHEN i % 4 = 3 THEN 'failed: ' || pg_temp.odd_text(i) END, pg_temp.moment(i * 71),
       CASE WHEN i % 4 < 2 THEN 'infinity' ELSE pg_temp.moment(i * 71) + interval '42.000001 seconds' END
FROM size, generate_series(1, size.sync_runs) AS i;

INSERT INTO channels (id, workspace_id, integration_id, type, name, address, is_muted, created_at, updated_at)
SELECT pg_temp.id_of('channel', i), pg_temp.workspace_of(i, workspaces), CASE WHEN i % 3 <> 0 THEN pg_temp.kin('integration', i, workspaces, integrations) END,
       (enum_range(NULL::channel_type))[1 + i % 4], pg_temp.odd_text(i) || ' ' || i, CASE WHEN i % 2 = 0 THEN '#' || i END, i % 9 = 0,
       pg_temp.moment(i * 73), pg_temp.moment(i * 73 + 60)
FROM size, generate_series(1, size.channels) AS i;

INSERT INTO threads (id, workspace_id, channel_id, contact_id, subject, message_count, last_message_at, is_archived, created_at, updated_at)
SELECT pg_temp.id_of('thread', i), pg_temp.workspace_of(i, workspaces), pg_temp.kin('channel', i, workspaces, channels),
       CASE WHEN i % 4 <> 0 THEN pg_temp.kin('contact', i, workspaces, contacts) END, nullif(pg_temp.odd_text(i * 11), ''), (i % 40)::int,
       CASE WHEN i % 5 <> 0 THEN pg_temp.moment(i * 79) END, (ARRAY[true, false, NULL])[1 + i % 3], pg_temp.moment(i * 79), pg_temp.moment(i * 79 + 60)
FROM size, generate_series(1, size.threads) AS i;

-- One body in 50 is 10 to 40 kB and lives out of line.
INSERT INTO communications (id, workspace_id, thread_id, contact_id, direction, sender, recipients, subject, body, sentiment, metadata, embedding,
  sent_at, created_at, updated_at)
SELECT pg_temp.id_of('communication', i), pg_temp.workspace_of(i, workspaces), pg_temp.kin('thread', i, workspaces, threads),
       CASE WHEN i % 3 <> 0 THEN pg_temp.kin('contact', i, workspaces, contacts) END, (enum_range(NULL::direction_type))[1 + i % 3],
       'sender' || i % 100 || '@example.com', ARRAY['one@example.org', pg_temp.odd_text(i)], pg_temp.odd_text(i * 13),
       CASE WHEN i % 50 = 0 THEN repeat(md5(i::text) || pg_temp.odd_text(i / 50) || encode(sha512(i::text::bytea), 'hex'), 60 + (i / 50 % 7 * 30)::int)
            WHEN i % 20 = 1 THEN NULL
            ELSE repeat(pg_temp.odd_text(i * 3) || ' ' || md5(i::text) || E'\n', 1 + (i % 8)::int) END,
       CASE i % 6 WHEN 0 THEN 'NaN' WHEN 1 THEN '-0' WHEN 2 THEN NULL ELSE sin(i) END::real, pg_temp.odd_json(i * 6 + i % 4),
       CASE WHEN i % 4 = 0 THEN pg_temp.embedding(i + 1000000)::vector END, pg_temp.moment(i * 83), pg_temp.moment(i * 83), pg_temp.moment(i * 83 + 60)
FROM size, generate_series(1, size.communications) AS i;

INSERT INTO meetings (id, workspace_id, founder_id, title, status, held_during, location, agenda, created_at, updated_at)
SELECT pg_temp.id_of('meeting', i), pg_temp.workspace_of(i, workspaces), CASE WHEN i % 5 <> 0 THEN pg_temp.kin('founder', i, workspaces, founders) END,
       pg_temp.odd_text(i * 17) || ' meeting', (enum_range(NULL::meeting_status))[1 + i % 4],
       CASE i % 17 WHEN 1 THEN 'empty' WHEN 2 THEN tstzrange(pg_temp.moment(i * 89), NULL) WHEN 3 THEN '(-infinity,infinity]'
         ELSE tstzrange(pg_temp.moment(i * 89), pg_temp.moment(i * 89 + 3600), '[]') END,
       CASE WHEN i % 3 <> 0 THEN pg_temp.odd_text(i) END, CASE WHEN i % 4 <> 0 THEN pg_temp.odd_json(i) END, pg_temp.moment(i * 89), pg_temp.moment(i * 89 + 60)
FROM size, generate_series(1, size.meetings) AS i;

INSERT INTO meeting_participants (meeting_id, contact_id, workspace_id, response, is_organizer, created_at, updated_at)
SELECT pg_temp.kin('meeting', i, workspaces, meetings), pg_temp.id_of('contact', 1 + (i - 1) % workspaces + workspaces
         * ((turn % (meetings / workspaces) + turn / (meetings / workspaces)) % (contacts / workspaces))),
       pg_temp.workspace_of(i, workspaces), (enum_range(NULL::response_type))[1 + i % 4], turn < meetings / workspaces,
       pg_temp.moment(i * 97), pg_temp.moment(i * 97 + 60)
FROM size, generate_series(1, size.participants) AS i, pg_temp.turn(i, workspaces) AS turn;

INSERT INTO transcripts (id, workspace_id, meeting_id, language, confidence, full_text, created_at, updated_at)
SELECT pg_temp.id_of('transcript', i), pg_temp.workspace_of(i, workspaces), pg_temp.kin('meeting', i, workspaces, meetings), (ARRAY['en', 'de', 'ja'])[1 + i % 3],
       CASE WHEN i % 5 <> 0 THEN (i % 10001) / 10000.0 END, repeat(pg_temp.odd_text(i) || ' said ' || md5(i::text) || E'\n', (i % 90)::int),
       pg_temp.moment(i * 101), pg_temp.moment(i * 101 + 60)
FROM size, generate_series(1, size.transcripts) AS i;

INSERT INTO transcript_chunks (id, workspace_id, transcript_id, position, speaker, starts_at, content, embedding, created_at)
SELECT pg_temp.id_of('transcript chunk', i), pg_temp.workspace_of(i, workspaces), pg_temp.kin('transcript', i, workspaces, transcripts),
       pg_temp.turn(i, workspaces) / (transcripts / workspaces), CASE WHEN i % 4 <> 0 THEN pg_temp.odd_text(i) END, i * interval '0.25 second',
       pg_temp.odd_text(i * 3) || ' ' || md5(i::text), CASE WHEN i % 2 = 0 THEN pg_temp.embedding(i + 2000000)::vector END, pg_temp.moment(i * 103)
FROM size, generate_series(1, size.transcript_chunks) AS i;

INSERT INTO media_assets (id, workspace_id, type, title, storage_path, bytes, checksum, duration, metadata, created_at, updated_at)
SELECT pg_temp.id_of('asset', i), pg_temp.workspace_of(i, workspaces), (enum_range(NULL::media_type))[1 + i % 4], pg_temp.odd_text(i * 19), 'media/' || md5(i::text),
       CASE i % 5 WHEN 0 THEN 9223372036854775807 - i WHEN 1 THEN 9007199254740993 + i ELSE i END, decode(md5(i::text), 'hex'),
       CASE WHEN i % 4 IN (1, 2) THEN i * interval '1.5 seconds' END, pg_temp.odd_json(i), pg_temp.moment(i * 107), pg_temp.moment(i * 107 + 60)
FROM size, generate_series(1, size.assets) AS i;

INSERT INTO attachments (id, workspace_id, communication_id, asset_id, file_name, mime_type, bytes, checksum, created_at)
SELECT pg_temp.id_of('attachment', i), pg_temp.workspace_of(i, workspaces), pg_temp.kin('communication', i, workspaces, communications),
       CASE WHEN i % 3 <> 0 THEN pg_temp.kin('asset', i, workspaces, assets) END, pg_temp.odd_text(i * 23) || '.pdf', CASE WHEN i % 4 <> 0 THEN 'application/pdf' END,
       i * 4096, CASE WHEN i % 2 = 0 THEN decode(md5(i::text), 'hex') END, pg_temp.moment(i * 109)
FROM size, generate_series(1, size.attachments) AS i;

INSERT INTO media_chunks (id, workspace_id, asset_id, position, content, span, embedding, created_at)
SELECT pg_temp.id_of('media chunk', i), pg_temp.workspace_of(i, workspaces), pg_temp.kin('asset', i, workspaces, assets),
       pg_temp.turn(i, workspaces) / (assets / workspaces), pg_temp.odd_text(i * 5) || ' ' || md5(i::text),
       CASE i % 4 WHEN 0 THEN NULL WHEN 1 THEN 'empty' WHEN 2 THEN int8range(i, NULL) ELSE int8range(i, i + 4096) END,
       CASE WHEN i % 2 = 0 THEN pg_temp.embedding(i + 3000000)::vector END, pg_temp.moment(i * 113)
FROM size, generate_series(1, size.media_chunks) AS i;

INSERT INTO media_collections (id, workspace_id, name, asset_ids, created_at, updated_at)
SELECT pg_temp.id_of('collection', i), pg_temp.workspace_of(i, workspaces), pg_temp.odd_text(i * 29) || ' ' || i,
       CASE WHEN i % 4 <> 0 THEN ARRAY[pg_temp.kin('asset', i, workspaces, assets), pg_temp.kin('asset', i, workspaces, assets, 1)] ELSE '{}' END,
       pg_temp.moment(i * 127), pg_temp.moment(i * 127 + 60)
FROM size, generate_series(1, size.collections) AS i;

INSERT INTO projects (id, workspace_id, founder_id, name, description, priority, budget_minutes, starts_on, ends_on, created_at, updated_at)
SELECT pg_temp.id_of('project', i), pg_temp.workspace_of(i, workspaces), CASE WHEN i % 4 <> 0 THEN pg_temp.kin('founder', i, workspaces, founders) END,
       pg_temp.odd_text(i * 31) || ' project ' || i, CASE WHEN i % 3 <> 0 THEN pg_temp.odd_text(i) END, (enum_range(NULL::priority_level))[1 + i % 4],
       10000 + i % 100 * 0.25, date '2025-01-01' + (i % 300)::int, CASE WHEN i % 6 = 0 THEN 'infinity'::date ELSE date '2025-06-30' + (i % 300)::int END,
       pg_temp.moment(i * 131), pg_temp.moment(i * 131 + 60)
FROM size, generate_series(1, size.projects) AS i;

INSERT INTO tasks (id, workspace_id, project_id, parent_id, title, description, status, priority, tags, estimate, due_at, done_at, created_at, updated_at)
SELECT pg_temp.id_of('task', i), pg_temp.workspace_of(i, workspaces), CASE WHEN i % 5 <> 0 THEN pg_temp.kin('project', i, workspaces, projects) END,
       CASE WHEN i % 7 = 0 AND i > workspaces THEN pg_temp.id_of('task', i - workspaces) END, pg_temp.odd_text(i * 37) || ' task ' || i,
       CASE WHEN i % 4 <> 0 THEN repeat(pg_temp.odd_text(i), (i % 12)::int) END, (enum_range(NULL::task_status))[1 + i % 5], (enum_range(NULL::priority_level))[1 + i % 4],
       pg_temp.odd_array(i), CASE WHEN i % 3 <> 0 THEN (i % 48) * interval '30 minutes' END,
       CASE i % 11 WHEN 0 THEN NULL WHEN 1 THEN 'infinity' ELSE pg_temp.moment(i * 137 + 86400) END, CASE WHEN i % 5 = 3 THEN pg_temp.moment(i * 137 + 7200) END,
       pg_temp.moment(i * 137), pg_temp.moment(i * 137 + 60)
FROM size, generate_series(1, size.tasks) AS i;

INSERT INTO task_dependencies (task_id, depends_on_id, workspace_id, created_at)
SELECT pg_temp.kin('task', i, workspaces, tasks), pg_temp.kin('task', i, workspaces, tasks, 1 + pg_temp.turn(i, workspaces) / (tasks / workspaces)),
       pg_temp.workspace_of(i, workspaces), pg_temp.moment(i * 139)
FROM size, generate_series(1, size.task_dependencies) AS i;

INSERT INTO action_items (id, workspace_id, meeting_id, task_id, owner_id, description, due_on, is_done, created_at, updated_at)
SELECT pg_temp.id_of('action item', i), pg_temp.workspace_of(i, workspaces), pg_temp.kin('meeting', i, workspaces, meetings),
       CASE WHEN i % 3 <> 0 THEN pg_temp.kin('task', i, workspaces, tasks) END, CASE WHEN i % 4 <> 0 THEN pg_temp.kin('founder', i, workspaces, founders) END,
       pg_temp.odd_text(i * 41), CASE WHEN i % 5 <> 0 THEN date '2025-03-01' + (i % 200)::int END, i % 3 = 0, pg_temp.moment(i * 149), pg_temp.moment(i * 149 + 60)
FROM size, generate_series(1, size.action_items) AS i;

INSERT INTO goals (id, workspace_id, founder_id, title, period, target_value, current_value, created_at, updated_at)
SELECT pg_temp.id_of('goal', i), pg_temp.workspace_of(i, workspaces), CASE WHEN i % 4 <> 0 THEN pg_temp.kin('founder', i, workspaces, founders) END, pg_temp.odd_text(i * 43),
       CASE i % 9 WHEN 1 THEN 'empty' WHEN 2 THEN '[2025-01-01,)' ELSE daterange('2025-01-01', '2025-04-01') END,
       CASE i % 6 WHEN 0 THEN 'NaN' WHEN 1 THEN 'Infinity' WHEN 2 THEN '-Infinity' WHEN 3 THEN '0.000000000000000000001'
         WHEN 4 THEN '123456789012345678901234567890.5' ELSE '1.500' END::numeric,
       CASE WHEN i % 3 <> 0 THEN i * 1.25 END, pg_temp.moment(i * 151), pg_temp.moment(i * 151 + 60)
FROM size, generate_series(1, size.goals) AS i;

INSERT INTO insights (id, workspace_id, contact_id, type, title, body, confidence, evidence, embedding, is_dismissed, expires_at, created_at, updated_at)
SELECT pg_temp.id_of('insight', i), pg_temp.workspace_of(i, workspaces), CASE WHEN i % 3 <> 0 THEN pg_temp.kin('contact', i, workspaces, contacts) END,
       (enum_range(NULL::insight_type))[1 + i % 4], pg_temp.odd_text(i * 47), repeat(pg_temp.odd_text(i) || ' ', (i % 15)::int),
       CASE i % 8 WHEN 0 THEN 'NaN' WHEN 1 THEN 'Infinity' WHEN 2 THEN '-0' WHEN 3 THEN 1e308 WHEN 4 THEN 0.1::double precision + 0.2 WHEN 5 THEN 5e-324 ELSE i / 7.0 END,
       pg_temp.odd_json(i), CASE WHEN i % 4 = 0 THEN pg_temp.embedding(i + 4000000)::vector END, i % 5 = 0,
       CASE i % 4 WHEN 0 THEN 'infinity' WHEN 1 THEN NULL ELSE pg_temp.moment(i * 157 + 864000) END, pg_temp.moment(i * 157), pg_temp.moment(i * 157 + 60)
FROM size, generate_series(1, size.insights) AS i;

INSERT INTO briefings (id, workspace_id, founder_id, briefed_on, summary, sections, sent_at, created_at, updated_at)
SELECT pg_temp.id_of('briefing', i), pg_temp.workspace_of(i, workspaces), pg_temp.kin('founder', i, workspaces, founders),
       date '2025-01-01' + (pg_temp.turn(i, workspaces) / (founders / workspaces))::int, repeat(pg_temp.odd_text(i) || ' ', 1 + (i % 9)::int), pg_temp.odd_json(i),
       CASE WHEN i % 3 <> 0 THEN pg_temp.moment(i * 163) END, pg_temp.moment(i * 163), pg_temp.moment(i * 163 + 60)
FROM size, generate_series(1, size.briefings) AS i;

INSERT INTO signals (id, workspace_id, contact_id, name, value, detail, observed_at)
SELECT i, pg_temp.workspace_of(i, workspaces), CASE WHEN i % 3 <> 0 THEN pg_temp.kin('contact', i, workspaces, contacts) END, (ARRAY['reply time', 'mood', 'silence'])[1 + i % 3],
       CASE i % 9 WHEN 0 THEN 'NaN' WHEN 1 THEN NULL ELSE i / 3.0 END, CASE WHEN i % 4 <> 0 THEN pg_temp.odd_json(i) END, pg_temp.moment(i * 167)
FROM size, generate_series(1, size.signals) AS i;

-- Explicit ids leave the sequences where they were.
SELECT setval('event_log_id_seq', events), setval('audit_log_id_seq', audits), setval('sync_runs_id_seq', sync_runs), setval('signals_id_seq', signals)
FROM size;

-- So that row estimates are right at once; a target of 10 samples enough for that.
SET LOCAL default_statistics_target = 10;
ANALYZE;
