-- Deterministic data for the old project: the same rows for the same number, whatever the day and the machine.
-- The number of rows of all tables together is the setting ferry_demo.rows (1,000 at the least). Everything derives
-- from row numbers and md5; nothing from random() or now(). Runs as one transaction with search_path = public, behind
-- config/generator.sql.

CREATE TEMP TABLE size ON COMMIT DROP AS
SELECT total, users, prompts, tags, templates, credit_accounts, microsites, generation_jobs, microsite_sections,
       entities, artifacts, jobs, entity_tags, comments,
       total - users - prompts - tags - templates - credit_accounts - microsites - generation_jobs
         - microsite_sections - entities - artifacts - jobs - entity_tags - comments AS activity_log
FROM (
  SELECT n AS total, n / 50 AS users, n / 100 AS prompts, n / 200 AS tags, n / 500 AS templates,
         n / 250 AS credit_accounts, n * 3 / 200 AS microsites, n * 3 / 50 AS generation_jobs,
         n * 9 / 100 AS microsite_sections, n * 3 / 25 AS entities, n * 3 / 25 AS artifacts, n / 10 AS jobs,
         n / 5 AS entity_tags, n * 3 / 25 AS comments
  FROM (SELECT current_setting('ferry_demo.rows')::bigint AS n) AS setting
) AS shares;

INSERT INTO users (id, email, display_name, role, is_active, avatar, preferences, joined, last_seen_at, created_at, updated_at)
SELECT pg_temp.id_of('user', i), 'user' || i || '@example.com', nullif(pg_temp.odd_text(i), 'null'),
       (ARRAY['member', 'viewer', 'admin'])[1 + (i % 50 / 24)::int], i % 11 <> 0,
       CASE i % 3 WHEN 0 THEN decode(md5(i::text), 'hex') WHEN 1 THEN ''::bytea END,
       pg_temp.odd_json(i * 6 + i % 3),
       CASE i % 97 WHEN 1 THEN 'infinity'::date WHEN 2 THEN '0044-03-15 BC'::date WHEN 3 THEN '-infinity'::date
         ELSE date '2020-01-01' + (i % 1500)::int END,
       CASE i % 13 WHEN 0 THEN NULL WHEN 1 THEN 'infinity' WHEN 2 THEN '-infinity' ELSE pg_temp.moment(i * 613) END,
       pg_temp.moment(i * 31), pg_temp.moment(i * 31 + 60)
FROM size, generate_series(1, size.users) AS i;

INSERT INTO entities (id, owner_id, parent_id, type, name, aliases, attributes, score, is_archived, created_at, updated_at)
SELECT pg_temp.id_of('entity', i), pg_temp.id_of('user', 1 + i * 7 % size.users),
       CASE WHEN i % 9 = 0 THEN pg_temp.id_of('entity', i / 9) END,
       (enum_range(NULL::entity_type))[1 + i % 5], pg_temp.odd_text(i * 5) || ' ' || i, pg_temp.odd_array(i),
       CASE WHEN i % 4 <> 0 THEN pg_temp.odd_json(i) END,
       CASE i % 10 WHEN 0 THEN 'NaN' WHEN 1 THEN 'Infinity' WHEN 2 THEN '-Infinity' WHEN 3 THEN '-0' WHEN 4 THEN 1e308
         WHEN 5 THEN 0.1::double precision + 0.2 WHEN 6 THEN 5e-324 WHEN 7 THEN NULL ELSE i / 7.0 END,
       (ARRAY[true, false, NULL])[1 + i % 3], pg_temp.moment(i * 17), pg_temp.moment(i * 17 + 3600)
FROM size, generate_series(1, size.entities) AS i;

-- One content in 50 is 9 to 41 kB and lives out of line.
INSERT INTO artifacts (id, entity_id, type, version, title, content, summary, checksum, metadata, created_at, updated_at)
SELECT pg_temp.id_of('artifact', i), pg_temp.id_of('entity', 1 + i % (size.entities * 4 / 5)),
       (enum_range(NULL::artifact_type))[1 + i % 5], 1 + i / (size.entities * 4 / 5), pg_temp.odd_text(i * 11),
       CASE WHEN i % 50 = 0 THEN repeat(md5(i::text) || pg_temp.odd_text(i / 50) || encode(sha512(i::text::bytea), 'hex'), 50 + (i / 50 % 7 * 30)::int)
            WHEN i % 20 = 1 THEN NULL
            WHEN i % 20 = 2 THEN ''
            ELSE repeat(pg_temp.odd_text(i * 3) || ' ' || md5(i::text) || E'\n', 1 + (i % 8)::int) END,
       CASE WHEN i % 3 <> 0 THEN pg_temp.odd_text(i) END, decode(md5(i::text), 'hex'),
       jsonb_build_object('tokens', i * 13 % 100000, 'source', pg_temp.odd_text(i * 7)),
       pg_temp.moment(i * 19), pg_temp.moment(i * 19 + 7)
FROM size, generate_series(1, size.artifacts) AS i;

INSERT INTO jobs (id, kind, status, priority, payload, attempts, max_duration, run_at, locked_by, error, created_at, updated_at)
OVERRIDING SYSTEM VALUE
SELECT i, (ARRAY['import', 'enrich', 'export', 'mail'])[1 + i % 4], (enum_range(NULL::job_status))[1 + i % 5],
       (i % 65536 - 32768)::smallint, CASE WHEN i % 5 <> 0 THEN pg_temp.odd_json(i) END, i % 4,
       CASE i % 4 WHEN 0 THEN interval '1 year 2 mons -3 days 04:05:06.789' WHEN 1 THEN i * interval '1 millisecond'
         WHEN 2 THEN interval '-00:00:01' END,
       CASE i % 101 WHEN 1 THEN 'infinity' WHEN 2 THEN '-infinity' WHEN 3 THEN '0001-01-01 00:00:00+00 BC' ELSE pg_temp.moment(i * 37) END,
       CASE WHEN i % 5 = 1 THEN pg_temp.id_of('user', 1 + i % size.users) END,
       CASE WHEN i % 5 = 3 THEN 'failed: ' || pg_temp.odd_text(i) END, pg_temp.moment(i * 37), pg_temp.moment(i * 37 + 9)
FROM size, generate_series(1, size.jobs) AS i;

INSERT INTO templates (id, name, sections, body, is_default, valid_from, created_at, updated_at)
SELECT i, pg_temp.odd_text(i) || ' template ' || i,
       CASE i % 3 WHEN 0 THEN '{}' WHEN 1 THEN enum_range(NULL::section_type) ELSE ARRAY['faq', NULL, 'call-to-action']::section_type[] END,
       repeat('<section>' || md5(i::text) || '</section>' || E'\n', (i % 200)::int), i % 25 = 0,
       CASE i % 5 WHEN 0 THEN 'infinity'::date WHEN 1 THEN NULL ELSE date '2024-02-29' + (i % 400)::int END,
       pg_temp.moment(i), pg_temp.moment(i + 1)
FROM size, generate_series(1, size.templates) AS i;

INSERT INTO prompts (id, name, body, temperature, weight, max_tokens, stop_sequences, created_at, updated_at)
SELECT pg_temp.id_of('prompt', i), 'prompt ' || i, repeat(pg_temp.odd_text(i) || ' {{input}} ', 1 + (i % 20)::int),
       CASE i % 5 WHEN 0 THEN 'NaN' WHEN 1 THEN 0.1 WHEN 2 THEN 1e-40 WHEN 3 THEN 3.4028235e38 END::real,
       CASE i % 6 WHEN 0 THEN 'NaN' WHEN 1 THEN 'Infinity' WHEN 2 THEN '-Infinity' WHEN 3 THEN '0.000000000000000000001'
         WHEN 4 THEN '123456789012345678901234567890.5' ELSE '1.500' END::numeric,
       CASE WHEN i % 4 <> 0 THEN 256 * (1 + i % 32) END, CASE WHEN i % 3 <> 0 THEN pg_temp.odd_array(i) END,
       pg_temp.moment(i * 3), pg_temp.moment(i * 3 + 1)
FROM size, generate_series(1, size.prompts) AS i;

INSERT INTO tags (id, label, color, created_at)
SELECT i, pg_temp.odd_text(i * 7) || '#' || i, CASE WHEN i % 4 <> 0 THEN '#' || left(md5(i::text), 6) END, pg_temp.moment(i * 5)
FROM size, generate_series(1, size.tags) AS i;

-- Keys whose order depends on the collation, so that reading by key in chunks is put to the test.
CREATE FUNCTION pg_temp.slug_of(i bigint) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT (ARRAY['site', 'Site', 'élan', '日本', 'o''neil', 'a b', '50%', 'under_score', E'back\\slash', '"q"', 'Zebra', '🦓'])[1 + i % 12] || '-' || i
$$;

INSERT INTO microsites (slug, owner_id, entity_id, template_id, current_job_id, title, theme, custom_domain, monthly_cost,
  is_published, launched_on, created_at, updated_at)
SELECT pg_temp.slug_of(i), pg_temp.id_of('user', 1 + i * 3 % size.users),
       CASE WHEN i % 5 <> 0 THEN pg_temp.id_of('entity', 1 + i * 2 % size.entities) END,
       CASE WHEN i % 4 <> 0 THEN 1 + i % size.templates END,
       CASE WHEN i % 2 = 0 THEN i END, pg_temp.odd_text(i * 13) || ' site', pg_temp.odd_json(i),
       CASE WHEN i % 3 = 0 THEN 'www' || i || '.example.org' END,
       CASE i % 50 WHEN 1 THEN 'NaN' WHEN 2 THEN 99999999999999.9999 WHEN 3 THEN -0.0001 ELSE i * 1.2345 END,
       i % 2 = 0, CASE WHEN i % 2 = 0 THEN date '2024-01-01' + (i % 700)::int END, pg_temp.moment(i * 41), pg_temp.moment(i * 41 + 5)
FROM size, generate_series(1, size.microsites) AS i;

-- Job i of the first round belongs to site i: the circle that current_job_id closes.
INSERT INTO generation_jobs (id, site_id, prompt_id, status, model, tokens_used, cost, duration, log, started_at, finished_at)
SELECT i, pg_temp.slug_of(1 + (i - 1) % size.microsites), CASE WHEN i % 3 <> 0 THEN pg_temp.id_of('prompt', 1 + i % size.prompts) END,
       (enum_range(NULL::job_status))[1 + i % 5], (ARRAY['small', 'medium', 'large'])[1 + i % 3],
       CASE i % 5 WHEN 0 THEN 9223372036854775807 - i WHEN 1 THEN 9007199254740993 + i WHEN 2 THEN NULL ELSE i END,
       CASE i % 40 WHEN 1 THEN 'NaN' WHEN 2 THEN NULL ELSE i * 0.0001 END, CASE WHEN i % 2 = 0 THEN (i % 100000) * interval '0.25 second' END,
       CASE WHEN i % 4 = 0 THEN repeat(md5(i::text) || ' step ' || i || E'\n', 1 + (i % 12)::int) END,
       pg_temp.moment(i * 23), CASE WHEN i % 5 < 2 THEN 'infinity' ELSE pg_temp.moment(i * 23) + interval '42.000001 seconds' END
FROM size, generate_series(1, size.generation_jobs) AS i;

INSERT INTO microsite_sections (id, microsite_slug, type, position, heading, body, settings, created_at, updated_at)
SELECT pg_temp.id_of('section', i), pg_temp.slug_of(1 + (i - 1) % size.microsites), (enum_range(NULL::section_type))[1 + i % 5],
       (i - 1) / size.microsites, nullif(pg_temp.odd_text(i), ''), repeat(pg_temp.odd_text(i * 3) || ' ', (i % 9)::int),
       CASE WHEN i % 3 = 0 THEN pg_temp.odd_json(i) END, pg_temp.moment(i * 43), pg_temp.moment(i * 43 + 5)
FROM size, generate_series(1, size.microsite_sections) AS i;

INSERT INTO entity_tags (entity_id, tag_id, weight, added_at)
SELECT pg_temp.id_of('entity', 1 + i % size.entities), 1 + (i % size.entities * 7 + i / size.entities * 3) % size.tags,
       CASE i % 100 WHEN 1 THEN 'NaN' ELSE i % 1000 / 8.0 END, pg_temp.moment(i * 11)
FROM size, generate_series(1, size.entity_tags) AS i;

INSERT INTO comments (id, artifact_id, author_id, parent_id, body, reactions, created_at, updated_at)
SELECT 9007199254740992 + i, pg_temp.id_of('artifact', 1 + i * 3 % size.artifacts), pg_temp.id_of('user', 1 + i % size.users),
       CASE WHEN i % 6 = 0 THEN 9007199254740992 + i - 1 END, pg_temp.odd_text(i) || ' — ' || md5(i::text),
       CASE WHEN i % 2 = 0 THEN jsonb_build_object('👍', i % 9, '❤', NULL) END, pg_temp.moment(i * 47), pg_temp.moment(i * 47 + 5)
FROM size, generate_series(1, size.comments) AS i;

INSERT INTO credit_accounts (id, owner_id, balance, updated_at)
SELECT i, pg_temp.id_of('user', 1 + i % size.users), 1000 + i % 100 * 0.25, pg_temp.moment(i)
FROM size, generate_series(1, size.credit_accounts) AS i;

INSERT INTO activity_log (id, request_id, actor_id, action, subject, detail, ip, happened_at)
OVERRIDING SYSTEM VALUE
SELECT i, pg_temp.id_of('request', i), CASE WHEN i % 8 <> 0 THEN pg_temp.id_of('user', 1 + i % size.users) END,
       (ARRAY['login', 'create', 'edit', 'delete', 'export'])[1 + i % 5], nullif(pg_temp.odd_text(i), '0'),
       CASE WHEN i % 3 <> 0 THEN pg_temp.odd_json(i) END,
       CASE i % 4 WHEN 0 THEN '2001:db8::' || to_hex(i % 65536) WHEN 1 THEN '10.0.' || i % 256 || '.0/24' WHEN 2 THEN '192.0.2.' || i % 256 END::inet,
       pg_temp.moment(i * 53)
FROM size, generate_series(1, size.activity_log) AS i;

-- Explicit ids leave the sequences where they were.
SELECT setval('jobs_id_seq', jobs), setval('templates_id_seq', templates), setval('tags_id_seq', tags),
       setval('generation_jobs_id_seq', generation_jobs), setval('comments_id_seq', 9007199254740992 + comments),
       setval('activity_log_id_seq', activity_log)
FROM size;

-- So that row estimates are right at once; a target of 10 samples enough for that.
SET LOCAL default_statistics_target = 10;
ANALYZE users, entities, artifacts, jobs, templates, prompts, microsites, generation_jobs, microsite_sections, tags,
  entity_tags, comments, credit_accounts, activity_log;
