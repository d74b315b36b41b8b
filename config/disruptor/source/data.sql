-- Deterministic data for the old project: the same rows for the same number, whatever the day and the machine.
-- The number of rows of all tables together is the setting ferry_demo.rows (1,000 at the least). Runs as one transaction
-- with search_path = public, behind config/generator.sql.

-- A unit of rows, and a smaller one for rows with an embedding, which takes 6 kB each.
CREATE TEMP TABLE size ON COMMIT DROP AS
SELECT n AS total, n / 250 AS u, least(n / 250, 100) AS v, n / 250 * 4 AS users
FROM (SELECT current_setting('ferry_demo.rows')::bigint AS n) AS setting;

CREATE FUNCTION pg_temp.user_of(i bigint) RETURNS uuid LANGUAGE sql STABLE AS $$
  SELECT pg_temp.id_of('user', 1 + i % (current_setting('ferry_demo.rows')::bigint / 250 * 4))
$$;
-- Codes whose order depends on the collation, and characters that names and keys must survive.
CREATE FUNCTION pg_temp.vendor_of(i bigint) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT (ARRAY['acme', 'Acme', 'élan', '日本', 'o''neil', 'a b', 'back\slash', '"q"'])[1 + i % 8] || '-' || i
$$;
CREATE FUNCTION pg_temp.hash_of(i bigint) RETURNS text LANGUAGE sql STABLE AS $$ SELECT encode(sha256(('key ' || i)::bytea), 'hex') $$;
-- Memories of one topic are near each other, those of different ones are not.
CREATE FUNCTION pg_temp.embedding_of(topic bigint, i bigint) RETURNS vector(1536) LANGUAGE sql STABLE AS $$
  SELECT pg_temp.embedding(topic)::vector(1536) + pg_temp.embedding(topic)::vector(1536) + pg_temp.embedding(1000 + i)::vector(1536)
$$;

-- ------------------------------------------------------------------------------------------------- Auth and identity

INSERT INTO organizations (id, name, slug, description, tier, is_suspended, max_memories, current_storage_mb, settings, created_at, updated_at)
SELECT pg_temp.id_of('organization', i), pg_temp.odd_text(i) || ' ' || i, 'org-' || i, nullif(pg_temp.odd_text(i * 3), ''),
       (ARRAY['starter', 'pro', 'enterprise'])[1 + i % 3], i % 9 = 4, (1000 * (1 + i % 5))::integer, i * 1.37 % 1000, pg_temp.odd_json(i),
       pg_temp.moment(i * 11), pg_temp.moment(i * 11 + 5)
FROM size, generate_series(1, u) AS i;

INSERT INTO users (id, email, password_hash, role, is_active, organization_id, username, display_name, avatar, bio, locale, preferences,
  email_confirmed_at, last_login_at, created_at, updated_at)
SELECT pg_temp.id_of('user', i), 'user' || i || '@example.com', CASE WHEN i % 6 <> 0 THEN '$argon2id$' || md5(i::text) END,
       (ARRAY['member', 'guest', 'owner'])[1 + i % 3], i % 11 <> 0,
       CASE WHEN i % 7 <> 0 THEN pg_temp.id_of('organization', 1 + i % u) END,
       CASE WHEN i % 5 <> 0 THEN 'name-' || i END, nullif(pg_temp.odd_text(i), 'null'), CASE i % 3 WHEN 0 THEN decode(md5(i::text), 'hex') END,
       CASE WHEN i % 4 = 0 THEN repeat(pg_temp.odd_text(i) || ' ' || md5(i::text) || E'\n', 300) END, (ARRAY['en', 'de-DE', 'ha'])[1 + i % 3],
       pg_temp.odd_json(i), CASE WHEN i % 3 <> 0 THEN pg_temp.moment(i) END,
       CASE i % 13 WHEN 0 THEN NULL WHEN 1 THEN 'infinity' ELSE pg_temp.moment(i * 613) END, pg_temp.moment(i * 31), pg_temp.moment(i * 31 + 60)
FROM size, generate_series(1, users) AS i;

INSERT INTO maas.users (id, email, quota, is_beta, created_at)
SELECT id, email, 500, (ARRAY[true, false, NULL])[1 + length(email) % 3], created_at FROM users;

INSERT INTO sessions (id, user_id, token_hash, ip, device, user_agent, created_at, expires_at)
SELECT pg_temp.id_of('session', i), pg_temp.user_of(i), sha256(('session ' || i)::bytea),
       CASE i % 3 WHEN 0 THEN '2001:db8::' || to_hex(i % 65536) WHEN 1 THEN '192.0.2.' || i % 256 END::inet,
       CASE WHEN i % 2 = 0 THEN ('02' || left(md5(i::text), 10))::macaddr END, pg_temp.odd_text(i), pg_temp.moment(i), pg_temp.moment(i + 3600)
FROM size, generate_series(1, 3 * u) AS i;

INSERT INTO oauth_clients (client_id, name, owner_id, secret_hash, redirect_uris, grant_types, is_confidential, created_at)
SELECT 'client-' || i, pg_temp.odd_text(i), CASE WHEN i % 2 = 0 THEN pg_temp.user_of(i) END, sha256(i::text::bytea),
       pg_temp.odd_array(i), CASE WHEN i % 2 = 0 THEN '{authorization_code,refresh_token}'::text[] ELSE '{}' END, i % 3 <> 0, pg_temp.moment(i)
FROM size, generate_series(1, u) AS i;

INSERT INTO oauth_sessions (id, client_id, user_id, state, code_challenge, expires_at, created_at)
SELECT pg_temp.id_of('oauth session', i), 'client-' || 1 + i % u, pg_temp.user_of(i * 3), pg_temp.odd_json(i),
       CASE WHEN i % 2 = 0 THEN md5(i::text) END, pg_temp.moment(i + 600), pg_temp.moment(i)
FROM size, generate_series(1, 2 * u) AS i;

INSERT INTO oauth_tokens (token_hash, client_id, user_id, kind, scope, issued_at, lifetime, revoked_at)
SELECT pg_temp.hash_of(-i), 'client-' || 1 + i % u, pg_temp.user_of(i), (ARRAY['access', 'refresh'])[1 + i % 2], nullif(pg_temp.odd_text(i), ''),
       pg_temp.moment(i), CASE i % 3 WHEN 0 THEN interval '1 hour' WHEN 1 THEN interval '90 days' ELSE i * interval '1 millisecond' END,
       CASE WHEN i % 4 = 0 THEN pg_temp.moment(i + 60) END
FROM size, generate_series(1, 2 * u) AS i;

INSERT INTO oauth_authorization_codes (code_hash, client_id, user_id, redirect_uri, expires_at, used_at)
SELECT md5('code ' || i), 'client-' || 1 + i % u, pg_temp.user_of(i * 7), 'https://app.example.com/' || pg_temp.odd_text(i), pg_temp.moment(i + 60),
       CASE WHEN i % 2 = 0 THEN pg_temp.moment(i + 5) END
FROM size, generate_series(1, u) AS i;

INSERT INTO auth_events (id, stream_id, version, event_type, payload, occurred_at) OVERRIDING SYSTEM VALUE
SELECT i, pg_temp.user_of(i), 1 + i / users, (ARRAY['registered', 'logged-in', 'email-changed'])[1 + i % 3], pg_temp.odd_json(i), pg_temp.moment(i)
FROM size, generate_series(1, 3 * u) AS i;

INSERT INTO auth_codes (id, user_id, purpose, code_hash, attempts, expires_at, consumed_at)
SELECT pg_temp.id_of('auth code', i), pg_temp.user_of(i), (ARRAY['email', 'sms', 'totp'])[1 + i % 3], sha256(i::text::bytea), (i % 4)::smallint,
       pg_temp.moment(i + 300), CASE WHEN i % 3 = 0 THEN pg_temp.moment(i + 30) END
FROM size, generate_series(1, u) AS i;

-- ------------------------------------------------------------------------------------------------ API keys and secrets

INSERT INTO api_key_scopes (scope, description, implies, is_dangerous)
SELECT (ARRAY['memory:read', 'memory:write', 'keys:read', 'keys:write'])[1 + i % 4] || ':' || i, nullif(pg_temp.odd_text(i), ''), pg_temp.odd_array(i), i % 4 = 3
FROM size, generate_series(1, u) AS i;

-- Budget moves between projects: its sum never changes.
INSERT INTO api_key_projects (id, organization_id, owner_id, name, budget, settings, created_at)
SELECT pg_temp.id_of('project', i), pg_temp.id_of('organization', 1 + i % u), pg_temp.user_of(i), pg_temp.odd_text(i) || i, 1000 + i % 100 * 0.25,
       pg_temp.odd_json(i), pg_temp.moment(i)
FROM size, generate_series(1, 2 * u) AS i;

-- The four tables of keys overlap: of ten units of keys the first has 1 to 4, the second 3 to 6, the fourth 6 to 9 and the
-- third 8 to 10, unit 8 twice.
INSERT INTO api_keys (id, organization_id, user_id, name, key_prefix, key_hash, permissions, is_active, expires_at, last_used_at, usage_count,
  metadata, created_at, updated_at)
SELECT pg_temp.id_of('api key', i), CASE WHEN i % 3 <> 0 THEN pg_temp.id_of('organization', 1 + i % u) END, pg_temp.user_of(i),
       pg_temp.odd_text(i) || ' key', 'lk_' || left(pg_temp.hash_of(i), 8), pg_temp.hash_of(i), pg_temp.odd_array(i), i % 5 <> 0,
       CASE WHEN i % 2 = 0 THEN pg_temp.moment(i + 9999) END, CASE WHEN i % 3 = 0 THEN pg_temp.moment(i) END, (i * 17 % 5000)::integer,
       pg_temp.odd_json(i), pg_temp.moment(i), pg_temp.moment(i + 1)
FROM size, generate_series(1, 4 * u) AS i;

INSERT INTO stored_api_keys (id, user_id, project_id, label, prefix, hash, scope_list, state, created_at)
SELECT i, pg_temp.user_of(i * 5), CASE WHEN i % 2 = 0 THEN pg_temp.id_of('project', 1 + i % (2 * u)) END, 'stored ' || pg_temp.odd_text(i),
       'sk_' || left(pg_temp.hash_of(2 * u + i), 6), pg_temp.hash_of(2 * u + i), (ARRAY['read,write', '', NULL])[1 + i % 3],
       (ARRAY['live', 'dead', 'stale'])[1 + i % 3], pg_temp.moment(i)
FROM size, generate_series(1, 4 * u) AS i;

INSERT INTO key_rotation_policies (id, key_id, rotate_every, notify_before, last_rotated_on, is_automatic)
SELECT pg_temp.id_of('rotation', i), pg_temp.id_of('api key', i), (i % 12 + 1) * interval '1 month', CASE WHEN i % 2 = 0 THEN interval '-1 day 02:00' END,
       CASE i % 7 WHEN 1 THEN 'infinity'::date ELSE date '2024-02-29' + (i % 400)::integer END, i % 3 = 0
FROM size, generate_series(1, 2 * u) AS i;

INSERT INTO key_security_events (id, key_id, level, event, ip, detail, happened_at) OVERRIDING SYSTEM VALUE
SELECT i, CASE WHEN i % 4 <> 0 THEN pg_temp.id_of('api key', 1 + i % (4 * u)) END, (enum_range(NULL::severity))[1 + i % 3], pg_temp.odd_text(i),
       ('198.51.100.' || i % 256)::inet, pg_temp.odd_json(i), pg_temp.moment(i)
FROM size, generate_series(1, 2 * u) AS i;

INSERT INTO key_usage_analytics (id, api_key_id, day, calls, errors, mean_latency)
SELECT i, pg_temp.id_of('api key', 1 + i % (4 * u)), date '2025-01-01' + (i / (4 * u))::integer, (i * 31 % 9000)::integer, (i % 7)::integer,
       i % 300 * interval '1 millisecond'
FROM size, generate_series(1, 3 * u) AS i;

INSERT INTO maas.api_key_usage (id, stored_key_id, used_on, hits)
SELECT i, 1 + i * 2 % (4 * u), date '2025-01-01' + (i / (4 * u))::integer, (i * 13 % 30000)::smallint
FROM size, generate_series(1, 2 * u) AS i;

INSERT INTO maas.stored_api_keys (id, user_id, provider, label, encrypted_value, masked_value, last_used_at, created_at)
SELECT pg_temp.id_of('third party key', i), pg_temp.user_of(i), (ARRAY['openai', 'anthropic', 'stripe'])[1 + i % 3], 'label ' || i,
       sha512(i::text::bytea), '...' || right(md5(i::text), 4), CASE WHEN i % 2 = 0 THEN pg_temp.moment(i) END, pg_temp.moment(i)
FROM size, generate_series(1, u) AS i;

INSERT INTO encrypted_secrets (id, owner_id, name, version, ciphertext, nonce, algorithm)
SELECT pg_temp.id_of('secret', i), pg_temp.user_of(i), 'SECRET_' || i, (1 + i % 3)::integer, sha512(i::text::bytea), decode(left(md5(i::text), 24), 'hex'),
       (ARRAY['aes-256-gcm', 'xchacha20-poly1305'])[1 + i % 2]
FROM size, generate_series(1, u) AS i;

INSERT INTO secret_access_log (id, secret_id, user_id, reason, network, accessed_at) OVERRIDING SYSTEM VALUE
SELECT i, CASE WHEN i % 5 <> 0 THEN pg_temp.id_of('secret', 1 + i % u) END, pg_temp.user_of(i), nullif(pg_temp.odd_text(i), ''),
       CASE WHEN i % 2 = 0 THEN ('10.' || i % 256 || '.0.0/16')::cidr END, pg_temp.moment(i)
FROM size, generate_series(1, 2 * u) AS i;

-- -------------------------------------------------------------------------------------------------- Vendors and clients

INSERT INTO vendor_organizations (vendor_code, name, contact_email, country, rating, is_verified, profile, created_at)
SELECT pg_temp.vendor_of(i), pg_temp.odd_text(i) || ' Ltd', CASE WHEN i % 3 <> 0 THEN 'vendor' || i || '@example.org' END,
       (ARRAY['NG', 'DE', NULL])[1 + i % 3], CASE WHEN i % 4 <> 0 THEN i % 500 / 100.0 END, i % 2 = 0, pg_temp.odd_json(i), pg_temp.moment(i)
FROM size, generate_series(1, u) AS i;

INSERT INTO vendor_api_keys_v2 (id, vendor_code, name, key_prefix, key_hash, environment, scopes, rate_limit, status, created_by, expires_at,
  last_used_at, extra, created_at, updated_at)
SELECT i, pg_temp.vendor_of(1 + i % u), 'v2 ' || pg_temp.odd_text(i), 'vk_' || i, pg_temp.hash_of(5 * u + i), (ARRAY['live', 'test'])[1 + i % 2],
       pg_temp.odd_array(i), CASE WHEN i % 3 = 0 THEN (i % 50 * 100)::integer END, (ARRAY['active', 'revoked', 'expired'])[1 + i % 3], pg_temp.user_of(i),
       CASE WHEN i % 2 = 0 THEN 'infinity'::timestamptz END, pg_temp.moment(i), pg_temp.odd_json(i), pg_temp.moment(i), pg_temp.moment(i + 2)
FROM size, generate_series(1, 4 * u) AS i;

INSERT INTO vendor_api_keys (vendor_code, key_no, label, prefix, hash, created_by, is_revoked, created_at)
SELECT pg_temp.vendor_of(1 + i % u), i, 'v1 ' || pg_temp.odd_text(i), 'v1_' || i, pg_temp.hash_of(7 * u + 1 + (i - 1) % (3 * u)), pg_temp.user_of(i),
       i % 4 = 0, pg_temp.moment(i)
FROM size, generate_series(1, 4 * u) AS i;

INSERT INTO vendor_platform_sessions (id, vendor_code, platform, ip, started_at, ended_at)
SELECT pg_temp.id_of('platform session', i), pg_temp.vendor_of(1 + i % u), (ARRAY['web', 'pos', 'api'])[1 + i % 3], ('203.0.113.' || i % 256)::inet,
       pg_temp.moment(i), CASE i % 3 WHEN 0 THEN 'infinity' WHEN 1 THEN pg_temp.moment(i + 77) END
FROM size, generate_series(1, 2 * u) AS i;

INSERT INTO vendor_usage_logs (id, vendor_code, endpoint, status, bytes_out, took, called_at) OVERRIDING SYSTEM VALUE
SELECT i, pg_temp.vendor_of(1 + i % u), '/v1/' || pg_temp.odd_text(i), (200 + i % 4 * 100)::smallint,
       CASE WHEN i % 5 = 0 THEN 9223372036854775807 - i ELSE i END, i % 1000 * interval '1 millisecond', pg_temp.moment(i)
FROM size, generate_series(1, 3 * u) AS i;

INSERT INTO vendor_apps (id, vendor_code, slug, title, redirect_url, scopes, is_published, registered_at)
SELECT i, pg_temp.vendor_of(1 + i % u), 'app-' || i, pg_temp.odd_text(i), 'https://app' || i || '.example.net', pg_temp.odd_array(i), i % 2 = 0, pg_temp.moment(i)
FROM size, generate_series(1, u) AS i;

INSERT INTO vendor_billing_records (id, vendor_code, invoice_number, period, units, amount, currency, due_on, paid_at, created_at)
SELECT i, pg_temp.vendor_of(1 + i % u), 'V-' || i, daterange(date '2025-01-01' + (i % 300)::integer, CASE WHEN i % 7 <> 0 THEN date '2025-12-31' END),
       i * 10, i * 12.34, (ARRAY['EUR', 'NGN', 'USD'])[1 + i % 3], date '2025-02-01' + (i % 300)::integer, CASE WHEN i % 2 = 0 THEN pg_temp.moment(i) END, pg_temp.moment(i)
FROM size, generate_series(1, 2 * u) AS i;

INSERT INTO client_organizations (id, name, domain, contact, seats, created_at)
SELECT i, pg_temp.odd_text(i) || ' ' || i, CASE WHEN i % 3 <> 0 THEN 'client' || i || '.example.com' END, pg_temp.odd_json(i),
       CASE i % 3 WHEN 0 THEN 'empty'::int4range WHEN 1 THEN int4range(1, (i % 100 + 2)::integer) ELSE int4range((i % 50)::integer, NULL) END, pg_temp.moment(i)
FROM size, generate_series(1, u) AS i;

INSERT INTO client_api_keys (id, client_id, name, key_hash, is_live, created_at)
SELECT pg_temp.id_of('client key', i), 1 + i % u, pg_temp.odd_text(i), sha256(('client ' || i)::bytea), i % 3 <> 0, pg_temp.moment(i)
FROM size, generate_series(1, 2 * u) AS i;

INSERT INTO client_transactions (id, client_id, direction, amount, currency, booked_at)
SELECT pg_temp.id_of('client transaction', i), 1 + i % u, (ARRAY['C', 'D'])[1 + i % 2], i * 0.00000001 + i % 1000, 'EUR', pg_temp.moment(i)
FROM size, generate_series(1, 2 * u) AS i;

INSERT INTO client_usage_logs (id, client_id, service, units, logged_at) OVERRIDING SYSTEM VALUE
SELECT i, 1 + i % u, (ARRAY['memory', 'chat', 'search'])[1 + i % 3],
       CASE i % 6 WHEN 0 THEN 'NaN' WHEN 1 THEN 'Infinity' WHEN 2 THEN 0.1::double precision + 0.2 WHEN 3 THEN 5e-324 ELSE i / 7.0 END,
       CASE i % 9 WHEN 0 THEN 'infinity' ELSE pg_temp.moment(i) AT TIME ZONE 'UTC' END
FROM size, generate_series(1, 2 * u) AS i;

INSERT INTO client_billing_records (id, client_id, period, lines, amount, is_paid)
SELECT i, 1 + i % u, daterange(date '2025-01-01', date '2025-02-01' + (i % 90)::integer, '[]'), pg_temp.odd_json(i), i * 99.99, i % 2 = 0
FROM size, generate_series(1, u) AS i;

-- ------------------------------------------------------------------------------------------------- Memory and knowledge

INSERT INTO topics (id, organization_id, parent_id, name, color, is_system, created_at)
SELECT i, CASE WHEN i % 3 <> 0 THEN pg_temp.id_of('organization', 1 + i % u) END, CASE WHEN i > 3 THEN i / 3 END, pg_temp.odd_text(i),
       CASE WHEN i % 2 = 0 THEN '#' || left(md5(i::text), 6) END, i % 5 = 0, pg_temp.moment(i)
FROM size, generate_series(1, 2 * u) AS i;

-- One in five has no embedding yet, one in eight a long content.
INSERT INTO memory_entries (id, organization_id, user_id, topic_id, title, content, summary, type, tags, embedding, metadata, access_count, last_accessed,
  created_at, updated_at)
SELECT pg_temp.id_of('memory', i), CASE WHEN i % 4 <> 0 THEN pg_temp.id_of('organization', 1 + i % u) END, pg_temp.user_of(i),
       CASE WHEN i % 3 <> 0 THEN 1 + i % (2 * u) END, pg_temp.odd_text(i) || ' memory ' || i,
       repeat(pg_temp.odd_text(i * 3) || ' ' || md5(i::text) || E'\n', CASE WHEN i % 8 = 0 THEN 300 ELSE 1 + (i % 5)::integer END),
       CASE WHEN i % 2 = 0 THEN pg_temp.odd_text(i) END, (enum_range(NULL::memory_type))[1 + i % 8], pg_temp.odd_array(i),
       CASE WHEN i % 5 <> 0 THEN pg_temp.embedding_of(1 + i % 3, i) END, pg_temp.odd_json(i), (i % 90)::integer,
       CASE WHEN i % 3 = 0 THEN pg_temp.moment(i * 3) END, pg_temp.moment(i), pg_temp.moment(i + 1)
FROM size, generate_series(1, 6 * v) AS i;

-- Two units of the same memories, as they once were, and one of its own.
INSERT INTO maas.memory_entries (id, user_id, title, body, kind, labels, embedding, created_at, updated_at)
SELECT pg_temp.id_of('memory', i), pg_temp.user_of(i), 'maas ' || pg_temp.odd_text(i) || ' memory ' || i, 'body of ' || i,
       (ARRAY['note', 'fact', 'file', NULL])[1 + i % 4], (ARRAY['a,b', '', NULL])[1 + i % 3],
       CASE WHEN i % 5 <> 0 THEN pg_temp.embedding_of(1 + i % 3, i) END, pg_temp.moment(i), pg_temp.moment(i + 1)
FROM size, generate_series(4 * v + 1, 7 * v) AS i;

INSERT INTO memory_chunks (id, memory_id, position, content, token_count, embedding)
SELECT pg_temp.id_of('chunk', i), pg_temp.id_of('memory', 1 + i % (6 * v)), i, pg_temp.odd_text(i) || i, (i % 500)::integer, pg_temp.embedding(i)::vector(1536)
FROM size, generate_series(1, 2 * v) AS i;

INSERT INTO memory_versions (memory_id, version, title, content, changed_by, created_at)
SELECT pg_temp.id_of('memory', 1 + i % (6 * v)), 1 + i / (6 * v), pg_temp.odd_text(i) || ' before', pg_temp.odd_text(i * 5), CASE WHEN i % 3 <> 0 THEN pg_temp.user_of(i) END,
       pg_temp.moment(i)
FROM size, generate_series(1, 3 * v) AS i;

INSERT INTO memory_access_log (id, memory_id, user_id, action, accessed_at) OVERRIDING SYSTEM VALUE
SELECT i, pg_temp.id_of('memory', 1 + i % (7 * v)), pg_temp.user_of(i), (ARRAY['read', 'search', 'update'])[1 + i % 3], pg_temp.moment(i)
FROM size, generate_series(1, 3 * u) AS i;

INSERT INTO maas.memory_tags (memory_id, tag, weight)
SELECT pg_temp.id_of('memory', 1 + i % (7 * v)), pg_temp.odd_text(i) || i, CASE i % 5 WHEN 0 THEN 'NaN' WHEN 1 THEN 1e-40 WHEN 2 THEN NULL ELSE 0.1 END::real
FROM size, generate_series(1, 2 * u) AS i;

INSERT INTO voice_memories (id, user_id, audio_url, duration, waveform, transcript, created_at)
SELECT pg_temp.id_of('voice', i), pg_temp.user_of(i), 'voice/' || i || '.ogg', i * interval '0.25 second',
       CASE WHEN i % 3 <> 0 THEN ARRAY[i % 100, -(i % 100), 0]::smallint[] END, CASE WHEN i % 2 = 0 THEN pg_temp.odd_text(i) END, pg_temp.moment(i)
FROM size, generate_series(1, u) AS i;

INSERT INTO screenshot_memories (id, user_id, image, region, recognized, taken_at)
SELECT pg_temp.id_of('screenshot', i), pg_temp.user_of(i), CASE WHEN i % 2 = 0 THEN decode(repeat(md5(i::text), 200), 'hex') END,
       CASE WHEN i % 3 <> 0 THEN box(point(i, i / 2.0), point(0, 0)) END, pg_temp.odd_text(i), pg_temp.moment(i)
FROM size, generate_series(1, u) AS i;

-- ----------------------------------------------------------------------------------------------------------- MCP tools

INSERT INTO mcp_servers (id, name, url, transport, capabilities)
SELECT i, 'server-' || i, CASE WHEN i % 3 <> 0 THEN 'https://mcp' || i || '.example.com' END, (ARRAY['http', 'sse', 'stdio'])[1 + i % 3], pg_temp.odd_json(i)
FROM size, generate_series(1, u) AS i;

INSERT INTO mcp_key_tools (id, key_id, tool_name, permissions, max_calls_per_hour, is_enabled, created_at)
SELECT pg_temp.id_of('tool', i), pg_temp.id_of('api key', 1 + i % (4 * u)), 'tool-' || i, pg_temp.odd_array(i), CASE WHEN i % 2 = 0 THEN (i % 1000)::integer END,
       i % 5 <> 0, pg_temp.moment(i)
FROM size, generate_series(1, 2 * u) AS i;

INSERT INTO mcp_key_sessions (id, tool_id, client_name, calls, open_during)
SELECT pg_temp.id_of('mcp session', i), pg_temp.id_of('tool', 1 + i % (2 * u)), nullif(pg_temp.odd_text(i), ''), i * 1000003,
       tstzrange(pg_temp.moment(i), CASE WHEN i % 3 <> 0 THEN pg_temp.moment(i + 90) END)
FROM size, generate_series(1, 2 * u) AS i;

INSERT INTO mcp_key_access_requests (id, tool_id, requested_by, justification, status, decided_at, created_at)
SELECT pg_temp.id_of('access request', i), pg_temp.id_of('tool', 1 + i % (2 * u)), pg_temp.user_of(i), pg_temp.odd_text(i),
       (ARRAY['pending', 'approved', 'denied'])[1 + i % 3], CASE WHEN i % 3 <> 0 THEN pg_temp.moment(i + 9) END, pg_temp.moment(i)
FROM size, generate_series(1, 2 * u) AS i;

INSERT INTO mcp_key_audit_log (id, access_request_id, action, detail, happened_at) OVERRIDING SYSTEM VALUE
SELECT i, pg_temp.id_of('access request', 1 + i % (2 * u)), (ARRAY['asked', 'granted', 'used'])[1 + i % 3], pg_temp.odd_json(i), pg_temp.moment(i)
FROM size, generate_series(1, 2 * u) AS i;

INSERT INTO mcp_proxy_tokens (id, session_id, token_hash, uses, expires_at)
SELECT pg_temp.id_of('proxy token', i), pg_temp.id_of('mcp session', 1 + i % (2 * u)), sha256(('proxy ' || i)::bytea), (i % 40)::integer,
       CASE i % 3 WHEN 0 THEN 'infinity' WHEN 1 THEN pg_temp.moment(i) END
FROM size, generate_series(1, u) AS i;

-- -------------------------------------------------------------------------------------------------- Analytics and logs

INSERT INTO usage_tracking (id, user_id, metric, quantity, recorded_at)
SELECT i, CASE WHEN i % 6 <> 0 THEN pg_temp.user_of(i) END, (ARRAY['memories', 'searches', 'tokens'])[1 + i % 3],
       CASE i % 5 WHEN 0 THEN 'NaN' WHEN 1 THEN 'Infinity' WHEN 2 THEN '123456789012345678901234567890.5' ELSE '1.500' END::numeric, pg_temp.moment(i)
FROM size, generate_series(1, 3 * u) AS i;

INSERT INTO maas.usage_tracking (id, user_id, metric, quantity, at)
SELECT i, CASE WHEN i % 6 <> 0 THEN pg_temp.user_of(i) END, 'maas ' || (ARRAY['memories', 'searches'])[1 + i % 2], (i * 7 % 100)::integer, pg_temp.moment(i * 2)
FROM size, generate_series(1, 2 * u) AS i;

INSERT INTO ai_usage_logs (id, user_id, model, prompt_tokens, completion_tokens, cost, latency_ms, created_at)
SELECT pg_temp.id_of('ai usage', i), pg_temp.user_of(i), (ARRAY['small', 'large'])[1 + i % 2], (i * 37 % 8000)::integer, (i * 11 % 2000)::integer,
       CASE WHEN i % 4 <> 0 THEN i * 0.000123 % 100000 END, CASE i % 5 WHEN 0 THEN 'NaN' WHEN 1 THEN '-0' ELSE i / 3.0 END, pg_temp.moment(i)
FROM size, generate_series(1, 3 * u) AS i;

INSERT INTO webhook_logs (id, url, status, request, response, delivered_at)
SELECT pg_temp.id_of('webhook', i), 'https://hooks.example.com/' || i, CASE WHEN i % 4 <> 0 THEN (200 + i % 4)::smallint END,
       ('{ "b": ' || i || ',  "a": 1.0, "a": 2 }')::json, CASE WHEN i % 10 = 0 THEN repeat(md5(i::text), 400) ELSE pg_temp.odd_text(i) END,
       CASE WHEN i % 4 <> 0 THEN pg_temp.moment(i) END
FROM size, generate_series(1, 2 * u) AS i;

INSERT INTO search_analytics (id, user_id, query, terms, results, clicked, searched_at) OVERRIDING SYSTEM VALUE
SELECT i, pg_temp.user_of(i), pg_temp.odd_text(i), CASE WHEN i % 3 <> 0 THEN to_tsvector('simple', 'old memories of ' || md5(i::text)) END, (i % 50)::integer,
       CASE i % 4 WHEN 0 THEN NULL WHEN 1 THEN '{}' ELSE ARRAY[i % 9, NULL, 3]::integer[] END, pg_temp.moment(i)
FROM size, generate_series(1, 2 * u) AS i;

INSERT INTO company_usage_logs (company, day, seats, calls, storage_mb)
SELECT pg_temp.odd_text(i) || i, CASE i % 5 WHEN 0 THEN '-infinity'::date ELSE date '2025-03-01' + (i % 100)::integer END, (i % 40)::integer, i * 999983, i * 0.125 % 100000
FROM size, generate_series(1, u) AS i;

-- Of some there are several that are equal in all.
INSERT INTO core.system_error_logs (logged_at, level, service, message, context)
SELECT pg_temp.moment(i / 2), (enum_range(NULL::severity))[1 + i / 2 % 3], (ARRAY['api', 'mcp', 'chat'])[1 + i / 2 % 3], pg_temp.odd_text(i / 2),
       CASE WHEN i / 2 % 3 <> 0 THEN pg_temp.odd_json(i / 2) END
FROM size, generate_series(1, 2 * u) AS i;

INSERT INTO core.audit_log (id, request_id, actor_id, action, object, changes, ip, happened_at) OVERRIDING SYSTEM VALUE
SELECT i, pg_temp.id_of('request', i), CASE WHEN i % 8 <> 0 THEN pg_temp.user_of(i) END, (ARRAY['create', 'update', 'delete'])[1 + i % 3], pg_temp.odd_text(i),
       pg_temp.odd_json(i), ('192.0.2.' || i % 256)::inet, pg_temp.moment(i)
FROM size, generate_series(1, 3 * u) AS i;

-- ------------------------------------------------------------------------------------------------ Payments and billing

INSERT INTO subscriptions (id, user_id, plan, current_period, price, currency, cancelled_at, created_at)
SELECT pg_temp.id_of('subscription', i), pg_temp.user_of(i), (ARRAY['free', 'pro'])[1 + i % 2],
       CASE WHEN i % 3 <> 0 THEN tstzrange(pg_temp.moment(i), pg_temp.moment(i + 2592000), '[]') END, i % 100 * 1.01, 'EUR',
       CASE WHEN i % 5 = 0 THEN pg_temp.moment(i + 99) END, pg_temp.moment(i)
FROM size, generate_series(1, 2 * u) AS i;

INSERT INTO stripe_connect_accounts (account_id, user_id, country, can_charge, can_pay_out, requirements)
SELECT 'acct_' || i, pg_temp.user_of(i), (ARRAY['NG', 'DE', 'US'])[1 + i % 3], i % 2 = 0, i % 3 = 0, CASE WHEN i % 4 <> 0 THEN pg_temp.odd_json(i) END
FROM size, generate_series(1, u) AS i;

INSERT INTO beneficiaries (id, owner_id, name, account_number, bank_code, is_verified)
SELECT pg_temp.id_of('beneficiary', i), pg_temp.user_of(i), pg_temp.odd_text(i), lpad(i::text, 10, '0'), CASE WHEN i % 2 = 0 THEN 'BANK' || i % 100 END, i % 3 = 0
FROM size, generate_series(1, u) AS i;

INSERT INTO bulk_payments (id, created_by, title, total, currency, status, scheduled_for, created_at)
SELECT pg_temp.id_of('bulk payment', i), pg_temp.user_of(i), pg_temp.odd_text(i), i * 100.0001, 'NGN', (enum_range(NULL::payment_state))[1 + i % 5],
       CASE WHEN i % 2 = 0 THEN date '2025-06-01' + (i % 60)::integer END, pg_temp.moment(i)
FROM size, generate_series(1, u) AS i;

INSERT INTO payment_items (id, bulk_payment_id, beneficiary_id, amount, reference, status)
SELECT i, pg_temp.id_of('bulk payment', 1 + i % u), pg_temp.id_of('beneficiary', 1 + i * 3 % u), i * 0.0001 + 1, nullif(pg_temp.odd_text(i), ''),
       (enum_range(NULL::payment_state))[1 + i % 5]
FROM size, generate_series(1, 3 * u) AS i;

INSERT INTO payment_audit (id, payment_item_id, from_status, to_status, note, happened_at) OVERRIDING SYSTEM VALUE
SELECT i, CASE WHEN i % 6 <> 0 THEN 1 + i % (3 * u) END, CASE WHEN i % 2 = 0 THEN 'draft'::payment_state END, (enum_range(NULL::payment_state))[1 + i % 5],
       pg_temp.odd_text(i), pg_temp.moment(i)
FROM size, generate_series(1, 2 * u) AS i;

INSERT INTO user_payments (id, user_id, amount, fee, currency, provider_reference, metadata, paid_at)
SELECT pg_temp.id_of('user payment', i), pg_temp.user_of(i), CASE i % 30 WHEN 1 THEN 'NaN' ELSE i * 1.2345 END, i % 7 * 0.01, 'USD',
       CASE WHEN i % 3 <> 0 THEN 'pay_' || i END, pg_temp.odd_json(i), CASE WHEN i % 4 <> 0 THEN pg_temp.moment(i) END
FROM size, generate_series(1, 2 * u) AS i;

-- ------------------------------------------------------------------------------------------------ Business and finance

INSERT INTO edoc_templates (id, name, body, fields, is_default)
SELECT i, pg_temp.odd_text(i), repeat('<p>' || md5(i::text) || '</p>', (i % 90)::integer), pg_temp.odd_json(i), i % 25 = 0
FROM size, generate_series(1, u) AS i;

INSERT INTO edoc_documents (id, template_id, owner_id, title, pages, file, digest, created_at)
SELECT pg_temp.id_of('document', i), CASE WHEN i % 3 <> 0 THEN 1 + i % u END, pg_temp.user_of(i), pg_temp.odd_text(i), (1 + i % 20)::smallint,
       CASE WHEN i % 4 = 0 THEN decode(repeat(md5(i::text), 300), 'hex') END, (i * 2654435761 % 4294967296)::bit(32), pg_temp.moment(i)
FROM size, generate_series(1, 2 * u) AS i;

INSERT INTO edoc_signatures (document_id, signer_email, place, certificate, signed_at)
SELECT pg_temp.id_of('document', 1 + i % (2 * u)), 'signer' || i || '@example.com', CASE WHEN i % 2 = 0 THEN point(i / 3.0, -i) END, sha256(i::text::bytea),
       CASE WHEN i % 3 <> 0 THEN pg_temp.moment(i) END
FROM size, generate_series(1, 2 * u) AS i;

INSERT INTO business_profiles (id, owner_id, legal_name, registration_number, address, founded_on, employees)
SELECT pg_temp.id_of('business', i), pg_temp.user_of(i), pg_temp.odd_text(i) || ' ' || i, CASE WHEN i % 2 = 0 THEN 'RC' || i END, pg_temp.odd_json(i),
       CASE i % 6 WHEN 0 THEN '0044-03-15 BC'::date ELSE date '1990-01-01' + (i % 9000)::integer END, int4range((i % 9)::integer, (i % 9 + 10)::integer)
FROM size, generate_series(1, u) AS i;

INSERT INTO business_contacts (id, business_id, name, phones, opens, is_primary)
SELECT i, pg_temp.id_of('business', 1 + i % u), pg_temp.odd_text(i), pg_temp.odd_array(i), time '08:00' + i % 240 * interval '1 minute', i % u = 0
FROM size, generate_series(1, 2 * u) AS i;

INSERT INTO business_invoices (id, business_id, number, net, tax_rate, issued_on)
SELECT pg_temp.id_of('invoice', i), pg_temp.id_of('business', 1 + i % u), 'INV-' || i, i * 10.55, i % 3 * 0.0750, date '2025-01-31' + (i % 300)::integer
FROM size, generate_series(1, 2 * u) AS i;

INSERT INTO business_expenses (id, business_id, category, amount, receipt, spent_on)
SELECT i, pg_temp.id_of('business', 1 + i % u), (ARRAY['travel', 'rent', 'tools'])[1 + i % 3], i * 3.33, CASE WHEN i % 3 = 0 THEN ''::bytea END,
       date '2025-01-01' + (i % 300)::integer
FROM size, generate_series(1, 2 * u) AS i;

-- ------------------------------------------------------------------------------------------------------- User settings

INSERT INTO user_settings (user_id, key, value, updated_at)
SELECT pg_temp.user_of(i), (ARRAY['theme', 'language', 'editor'])[1 + (i / users % 3)::integer] || i / users, pg_temp.odd_json(i), pg_temp.moment(i)
FROM size, generate_series(1, 4 * u) AS i;

INSERT INTO notification_preferences (user_id, by_email, channels, quiet_from, quiet_until)
SELECT pg_temp.user_of(i), i % 2 = 0, pg_temp.odd_array(i), CASE WHEN i % 2 = 0 THEN time '22:00' END, CASE WHEN i % 2 = 0 THEN timetz '06:30:00.5+01' END
FROM size, generate_series(1, 2 * u) AS i;

INSERT INTO user_dashboards (id, user_id, name, layout, updated_at)
SELECT pg_temp.id_of('dashboard', i), pg_temp.user_of(i), pg_temp.odd_text(i), pg_temp.odd_json(i), pg_temp.moment(i)
FROM size, generate_series(1, u) AS i;

INSERT INTO saved_searches (id, user_id, name, filters, notify_every)
SELECT i, pg_temp.user_of(i), pg_temp.odd_text(i), pg_temp.odd_json(i), CASE WHEN i % 2 = 0 THEN interval '1 mon -3 days' END
FROM size, generate_series(1, u) AS i;

INSERT INTO device_tokens (token, user_id, platform, app_version, last_seen_at)
SELECT md5('device ' || i), pg_temp.user_of(i), (ARRAY['ios', 'android', 'web'])[1 + i % 3], '1.' || i % 20, CASE WHEN i % 5 <> 0 THEN pg_temp.moment(i) END
FROM size, generate_series(1, 2 * u) AS i;

INSERT INTO feature_flags (flag, is_on, rollout, rules, updated_at)
SELECT 'flag ' || pg_temp.odd_text(i) || i, i % 2 = 0, (i % 101)::smallint, CASE WHEN i % 3 <> 0 THEN pg_temp.odd_json(i) END, pg_temp.moment(i)
FROM size, generate_series(1, u) AS i;

INSERT INTO onboarding_steps (user_id, step, answers, completed_at)
SELECT pg_temp.user_of(i), (i / users)::smallint, pg_temp.odd_json(i), CASE WHEN i % 3 <> 0 THEN pg_temp.moment(i) END
FROM size, generate_series(1, 3 * u) AS i;

INSERT INTO consent_records (id, user_id, purpose, is_given, document_version, ip, given_at)
SELECT pg_temp.id_of('consent', i), pg_temp.user_of(i), (ARRAY['marketing', 'terms'])[1 + i % 2], i % 3 <> 0, 'v' || i % 10, ('10.0.0.' || i % 256)::inet, pg_temp.moment(i)
FROM size, generate_series(1, 2 * u) AS i;

-- --------------------------------------------------------------------------------------------- Marketplace and e-commerce

INSERT INTO products (id, seller_id, sku, name, price, stock, weight_kg, attributes, created_at, updated_at)
SELECT pg_temp.id_of('product', i), pg_temp.user_of(i), 'SKU-' || i, pg_temp.odd_text(i), i % 1000 * 1.99, (i % 50)::integer,
       CASE i % 3 WHEN 0 THEN NULL WHEN 1 THEN 0.1 ELSE 3.4028235e38 END::real, pg_temp.odd_json(i), pg_temp.moment(i), pg_temp.moment(i + 1)
FROM size, generate_series(1, 3 * u) AS i;

INSERT INTO orders (id, buyer_id, status, total, shipping, placed_at)
SELECT 9007199254740992 + i, pg_temp.user_of(i), (enum_range(NULL::order_state))[1 + i % 4], i * 9.99, pg_temp.odd_json(i), pg_temp.moment(i)
FROM size, generate_series(1, 2 * u) AS i;

INSERT INTO order_items (order_id, line, product_id, quantity, unit_price)
SELECT 9007199254740993 + i % (2 * u), (1 + i / (2 * u))::smallint, pg_temp.id_of('product', 1 + i % (3 * u)), (1 + i % 4)::integer, i % 1000 * 1.99
FROM size, generate_series(1, 4 * u) AS i;

INSERT INTO marketplace_transactions (id, order_id, kind, amount, provider_answer, booked_at)
SELECT pg_temp.id_of('transaction', i), 9007199254740993 + i % (2 * u), (ARRAY['charge', 'refund'])[1 + i % 2], i * 9.99, ('{"n":  ' || i || '}')::json, pg_temp.moment(i)
FROM size, generate_series(1, 2 * u) AS i;

INSERT INTO pricing_insights (product_id, day, prices, median, histogram)
SELECT pg_temp.id_of('product', 1 + i % (3 * u)), date '2025-05-01' + (i / (3 * u))::integer, numrange(i, i + 0.5), i + 0.25, ARRAY[i % 3, i % 5]::integer[]
FROM size, generate_series(1, 2 * u) AS i;

INSERT INTO product_recommendations (product_id, recommended_id, score, reason)
SELECT pg_temp.id_of('product', i), pg_temp.id_of('product', 1 + i % (3 * u)), i / 9.0, CASE WHEN i % 2 = 0 THEN pg_temp.odd_text(i) END
FROM size, generate_series(1, 2 * u) AS i;

INSERT INTO product_embeddings (product_id, embedding, model)
SELECT pg_temp.id_of('product', i), pg_temp.embedding(i)::vector(1536), 'embed-' || i % 2
FROM size, generate_series(1, 2 * v) AS i;

INSERT INTO carts (id, user_id, coupon_code, updated_at)
SELECT pg_temp.id_of('cart', i), CASE WHEN i % 3 <> 0 THEN pg_temp.user_of(i) END, CASE WHEN i % 4 = 0 THEN 'SAVE' || i END, pg_temp.moment(i)
FROM size, generate_series(1, u) AS i;

INSERT INTO cart_items (cart_id, product_id, quantity)
SELECT pg_temp.id_of('cart', 1 + i % u), pg_temp.id_of('product', i), (1 + i % 5)::integer
FROM size, generate_series(1, 2 * u) AS i;

INSERT INTO coupons (code, discount, valid, uses_left)
SELECT 'SAVE' || i, i % 100 * 0.5, tstzrange(NULL, pg_temp.moment(i)), CASE WHEN i % 2 = 0 THEN (i % 10)::integer END
FROM size, generate_series(1, u) AS i;

INSERT INTO product_reviews (id, product_id, user_id, rating, body, created_at)
SELECT i, pg_temp.id_of('product', 1 + i % (3 * u)), pg_temp.user_of(i), (1 + i % 5)::smallint, pg_temp.odd_text(i), pg_temp.moment(i)
FROM size, generate_series(1, 2 * u) AS i;

INSERT INTO shipments (id, order_id, carrier, tracking_number, events, shipped_on)
SELECT i, 9007199254740993 + i % (2 * u), (ARRAY['dhl', 'gig'])[1 + i % 2], CASE WHEN i % 3 <> 0 THEN 'TRACK' || i END,
       CASE i % 3 WHEN 0 THEN NULL WHEN 1 THEN '{}' ELSE ARRAY[pg_temp.odd_json(i), NULL, pg_temp.odd_json(i + 1)] END, date '2025-07-01' + (i % 30)::integer
FROM size, generate_series(1, u) AS i;

-- ------------------------------------------------------------------------------------------------- AI chat, intelligence

INSERT INTO ai_conversations (id, user_id, title, model, settings, is_archived, created_at, updated_at)
SELECT pg_temp.id_of('conversation', i), pg_temp.user_of(i), nullif(pg_temp.odd_text(i), ''), (ARRAY['small', 'large'])[1 + i % 2], pg_temp.odd_json(i), i % 6 = 0,
       pg_temp.moment(i), pg_temp.moment(i + 1)
FROM size, generate_series(1, 2 * u) AS i;

-- One content in ten is 12 to 20 kB and lives out of line.
INSERT INTO ai_messages (id, conversation_id, role, content, tool_calls, tokens, created_at)
SELECT i, pg_temp.id_of('conversation', 1 + i % (2 * u)), (enum_range(NULL::chat_role))[1 + i % 4],
       CASE WHEN i % 10 = 0 THEN repeat(md5(i::text) || pg_temp.odd_text(i), 400) ELSE pg_temp.odd_text(i) END, CASE WHEN i % 4 = 3 THEN pg_temp.odd_json(i) END,
       (i % 800)::integer, pg_temp.moment(i)
FROM size, generate_series(1, 5 * u) AS i;

INSERT INTO chat_sessions (id, user_id, conversation_id, channel, started_at, ended_at)
SELECT pg_temp.id_of('chat session', i), pg_temp.user_of(i), CASE WHEN i % 3 <> 0 THEN pg_temp.id_of('conversation', 1 + i % (2 * u)) END,
       (ARRAY['web', 'ide', 'cli'])[1 + i % 3], pg_temp.moment(i), CASE WHEN i % 2 = 0 THEN pg_temp.moment(i + 400) END
FROM size, generate_series(1, 2 * u) AS i;

INSERT INTO chat_analytics (day, model, messages, cost, p95, sentiment)
SELECT date '2025-01-01' + i::integer, (ARRAY['small', 'large'])[1 + i % 2], i * 7, CASE i % 4 WHEN 0 THEN 'NaN' ELSE '0.000000000000000000001' END::numeric,
       i * interval '1.5 millisecond', CASE i % 3 WHEN 0 THEN '-Infinity' ELSE 0.5 END::real
FROM size, generate_series(1, u) AS i;

INSERT INTO chat_embeddings (message_id, embedding, model)
SELECT i, CASE WHEN i % 6 <> 0 THEN pg_temp.embedding(i)::vector(1536) END, 'embed-1'
FROM size, generate_series(1, 2 * v) AS i;

INSERT INTO intelligence_subscription_tiers (tier, monthly_price, limits, features)
SELECT 'tier-' || i, i * 5, pg_temp.odd_json(i), pg_temp.odd_array(i) FROM generate_series(1, 4) AS i;

INSERT INTO intelligence_user_subscriptions (id, user_id, tier, valid, renews)
SELECT pg_temp.id_of('tier subscription', i), pg_temp.user_of(i), 'tier-' || 1 + i % 4, tstzrange(pg_temp.moment(i), 'infinity'), i % 2 = 0
FROM size, generate_series(1, 2 * u) AS i;

INSERT INTO intelligence_usage_logs (id, user_id, feature, tokens, logged_at) OVERRIDING SYSTEM VALUE
SELECT i, pg_temp.user_of(i), (ARRAY['suggest-tags', 'find-related'])[1 + i % 2], CASE WHEN i % 3 <> 0 THEN (i % 4000)::integer END, pg_temp.moment(i)
FROM size, generate_series(1, 2 * u) AS i;

INSERT INTO intelligence_cache (key, value, hits, expires_at)
SELECT 'key ' || pg_temp.odd_text(i) || i, pg_temp.odd_json(i), i * i, CASE WHEN i % 3 = 0 THEN 'infinity' ELSE pg_temp.moment(i) END
FROM size, generate_series(1, u) AS i;

INSERT INTO smart_recall_events (id, user_id, memory_id, score, happened_at) OVERRIDING SYSTEM VALUE
SELECT i, pg_temp.user_of(i), CASE WHEN i % 4 <> 0 THEN pg_temp.id_of('memory', 1 + i % (7 * v)) END, (i % 100 / 99.0)::real, pg_temp.moment(i)
FROM size, generate_series(1, 2 * u) AS i;

INSERT INTO smart_recall_suggestions (id, user_id, memory_ids, reason, is_accepted, shown_at)
SELECT pg_temp.id_of('suggestion', i), pg_temp.user_of(i), CASE WHEN i % 3 <> 0 THEN ARRAY[pg_temp.id_of('memory', i), NULL] ELSE '{}' END, pg_temp.odd_text(i),
       (ARRAY[true, false, NULL])[1 + i % 3], CASE WHEN i % 2 = 0 THEN pg_temp.moment(i) END
FROM size, generate_series(1, 2 * u) AS i;

INSERT INTO smart_recall_feedback (suggestion_id, user_id, rating, note)
SELECT pg_temp.id_of('suggestion', 1 + i % (2 * u)), pg_temp.user_of(i), (i % 6)::smallint, nullif(pg_temp.odd_text(i), '')
FROM size, generate_series(1, u) AS i;

-- ------------------------------------------------------------------------------------------------ the rest of the rows

INSERT INTO user_activity_logs (id, user_id, action, page, detail, happened_at) OVERRIDING SYSTEM VALUE
SELECT i, CASE WHEN i % 5 <> 0 THEN pg_temp.user_of(i) END, (ARRAY['view', 'click', 'save'])[1 + i % 3], pg_temp.odd_text(i), CASE WHEN i % 3 <> 0 THEN pg_temp.odd_json(i) END,
       pg_temp.moment(i)
FROM size, generate_series(1, total - (
  SELECT sum((xpath('/row/n/text()', query_to_xml(format('SELECT count(*) AS n FROM %I.%I', schemaname, tablename), false, true, '')))[1]::text::bigint)::bigint
  FROM pg_catalog.pg_tables WHERE schemaname IN ('public', 'maas', 'core'))) AS i;

-- Explicit ids leave the sequences where they were.
DO $$
DECLARE
  owned record;
BEGIN
  FOR owned IN
    SELECT s.oid::regclass AS sequence, d.refobjid::regclass AS table_name, a.attname AS column_name
    FROM pg_catalog.pg_class s
    JOIN pg_catalog.pg_depend d ON d.objid = s.oid AND d.deptype IN ('a', 'i') AND d.refclassid = 'pg_catalog.pg_class'::regclass
    JOIN pg_catalog.pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
    WHERE s.relkind = 'S' AND s.relnamespace IN ('public'::regnamespace, 'maas'::regnamespace, 'core'::regnamespace)
  LOOP
    EXECUTE format('SELECT setval(%L, max(%I)) FROM %s', owned.sequence, owned.column_name, owned.table_name);
  END LOOP;
END $$;

-- So that row estimates are right at once; a target of 10 samples enough for that.
SET LOCAL default_statistics_target = 10;
ANALYZE;
