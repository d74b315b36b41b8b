-- Accounts, sessions, OAuth, events; profiles and settings.

CREATE TABLE IF NOT EXISTS auth_gateway.user_accounts (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  email varchar(255) NOT NULL UNIQUE,
  password_hash text,
  role text NOT NULL DEFAULT 'member' CHECK (role IN ('owner', 'member', 'guest')),
  is_active boolean NOT NULL DEFAULT true,
  email_confirmed_at timestamptz,
  last_login_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS auth_gateway.sessions (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  user_id uuid NOT NULL,
  token_hash bytea NOT NULL UNIQUE,
  ip inet,
  device macaddr,
  user_agent text,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL
);

CREATE TABLE IF NOT EXISTS auth_gateway.oauth_clients (
  client_id text PRIMARY KEY,
  name text NOT NULL,
  owner_id uuid,
  secret_hash bytea,
  redirect_uris text[] NOT NULL DEFAULT '{}',
  grant_types text[] NOT NULL DEFAULT '{authorization_code}',
  is_confidential boolean NOT NULL DEFAULT true,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS auth_gateway.oauth_sessions (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  client_id text NOT NULL,
  user_id uuid,
  state jsonb NOT NULL DEFAULT '{}',
  code_challenge text,
  expires_at timestamptz NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS auth_gateway.oauth_tokens (
  token_hash text PRIMARY KEY,
  client_id text NOT NULL,
  user_id uuid NOT NULL,
  kind text NOT NULL CHECK (kind IN ('access', 'refresh')),
  scope text,
  issued_at timestamptz NOT NULL DEFAULT now(),
  lifetime interval NOT NULL DEFAULT '1 hour',
  revoked_at timestamptz
);

CREATE TABLE IF NOT EXISTS auth_gateway.oauth_authorization_codes (
  code_hash text PRIMARY KEY,
  client_id text NOT NULL,
  user_id uuid NOT NULL,
  redirect_uri text NOT NULL,
  expires_at timestamptz NOT NULL,
  used_at timestamptz
);

CREATE TABLE IF NOT EXISTS auth_gateway.auth_events (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  stream_id uuid NOT NULL,
  version integer NOT NULL CHECK (version > 0),
  event_type text NOT NULL,
  payload jsonb NOT NULL DEFAULT '{}',
  occurred_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  UNIQUE (stream_id, version)
);

CREATE TABLE IF NOT EXISTS auth_gateway.auth_codes (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  user_id uuid NOT NULL,
  purpose text NOT NULL,
  code_hash bytea NOT NULL,
  attempts smallint NOT NULL DEFAULT 0,
  expires_at timestamptz NOT NULL,
  consumed_at timestamptz
);

CREATE TABLE IF NOT EXISTS auth_gateway.audit_log (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  request_id uuid NOT NULL UNIQUE,
  actor_id uuid,
  action text NOT NULL,
  object text,
  changes jsonb,
  ip inet,
  happened_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- New, and empty at first: the old project has no table for them.
CREATE TABLE IF NOT EXISTS auth_gateway.admin_sessions (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  user_id uuid NOT NULL,
  reason text NOT NULL,
  started_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL
);

CREATE TABLE IF NOT EXISTS auth_gateway.admin_access_log (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  admin_session_id uuid NOT NULL,
  resource text NOT NULL,
  action text NOT NULL,
  accessed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE IF NOT EXISTS auth_gateway.outbox (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  topic text NOT NULL,
  key text,
  payload jsonb NOT NULL,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  sent_at timestamptz
);

CREATE TABLE IF NOT EXISTS shared_services.profiles (
  id uuid PRIMARY KEY,
  username text UNIQUE,
  display_name text,
  avatar bytea,
  bio text,
  locale varchar(12) NOT NULL DEFAULT 'en',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS shared_services.settings (
  user_id uuid,
  key text,
  value jsonb NOT NULL,
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (user_id, key)
);

CREATE TABLE IF NOT EXISTS shared_services.users (
  id uuid PRIMARY KEY,
  email varchar(255) NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);
