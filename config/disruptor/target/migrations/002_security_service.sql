-- API keys, secrets, memories, MCP tools. The first four tables are the document's own, their foreign keys and indexes come
-- after the copy.

CREATE TABLE IF NOT EXISTS security_service.organizations (
  id uuid PRIMARY KEY DEFAULT uuid_generate_v4(),
  name varchar(255) NOT NULL,
  slug varchar(100) UNIQUE NOT NULL,
  description text,
  plan varchar(50) DEFAULT 'free' CHECK (plan IN ('free', 'pro', 'enterprise')),
  max_memories integer DEFAULT 1000,
  max_storage_mb integer DEFAULT 100,
  vector_search_enabled boolean DEFAULT true,
  current_memories_count integer DEFAULT 0,
  current_storage_mb numeric(10,2) DEFAULT 0,
  status varchar(20) DEFAULT 'active' CHECK (status IN ('active', 'suspended', 'cancelled')),
  created_at timestamptz DEFAULT now(),
  updated_at timestamptz DEFAULT now(),
  settings jsonb DEFAULT '{}'
);

CREATE TABLE IF NOT EXISTS security_service.users (
  id uuid PRIMARY KEY DEFAULT uuid_generate_v4(),
  user_id uuid NOT NULL,
  organization_id uuid,
  email varchar(255) NOT NULL,
  role varchar(50) DEFAULT 'user' CHECK (role IN ('admin', 'user', 'viewer')),
  preferences jsonb DEFAULT '{}',
  status varchar(20) DEFAULT 'active' CHECK (status IN ('active', 'inactive', 'suspended')),
  last_login_at timestamptz,
  created_at timestamptz DEFAULT now(),
  updated_at timestamptz DEFAULT now(),
  UNIQUE (user_id, organization_id)
);

CREATE TABLE IF NOT EXISTS security_service.memory_entries (
  id uuid PRIMARY KEY DEFAULT uuid_generate_v4(),
  organization_id uuid,
  user_id uuid NOT NULL,
  topic_id uuid,
  title varchar(500) NOT NULL,
  content text NOT NULL,
  summary text,
  type varchar(50) DEFAULT 'context' CHECK (type IN
    ('context', 'project', 'knowledge', 'reference', 'personal', 'workflow', 'note', 'document')),
  tags text[] DEFAULT '{}',
  embedding vector(1536),
  metadata jsonb DEFAULT '{}',
  created_at timestamptz DEFAULT now(),
  updated_at timestamptz DEFAULT now(),
  last_accessed timestamptz,
  access_count integer DEFAULT 0
);

CREATE TABLE IF NOT EXISTS security_service.api_keys (
  id uuid PRIMARY KEY DEFAULT uuid_generate_v4(),
  organization_id uuid,
  user_id uuid NOT NULL,
  name varchar(255) NOT NULL,
  key_prefix varchar(20) NOT NULL,
  key_hash varchar(255) NOT NULL,
  key_type varchar(50) DEFAULT 'standard',
  scopes text[] DEFAULT '{}',
  status varchar(20) DEFAULT 'active' CHECK (status IN ('active', 'revoked', 'expired')),
  expires_at timestamptz,
  last_used_at timestamptz,
  usage_count integer DEFAULT 0,
  created_at timestamptz DEFAULT now(),
  updated_at timestamptz DEFAULT now(),
  metadata jsonb DEFAULT '{}'
);

DO $$
BEGIN
  IF to_regtype('security_service.severity') IS NULL THEN
    CREATE TYPE security_service.severity AS ENUM ('info', 'warning', 'critical');
  END IF;
END $$;

CREATE TABLE IF NOT EXISTS security_service.api_key_projects (
  id uuid PRIMARY KEY DEFAULT uuid_generate_v4(),
  organization_id uuid NOT NULL,
  owner_id uuid NOT NULL,
  name text NOT NULL,
  budget numeric(18,4) NOT NULL DEFAULT 0,
  budget_moves bigint NOT NULL DEFAULT 0,
  settings jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (organization_id, name)
);

CREATE TABLE IF NOT EXISTS security_service.key_rotation_policies (
  id uuid PRIMARY KEY DEFAULT uuid_generate_v4(),
  key_id uuid NOT NULL UNIQUE,
  rotate_every interval NOT NULL DEFAULT '90 days',
  notify_before interval,
  last_rotated_on date,
  is_automatic boolean NOT NULL DEFAULT false
);

CREATE TABLE IF NOT EXISTS security_service.key_security_events (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  key_id uuid,
  level security_service.severity NOT NULL DEFAULT 'info',
  event text NOT NULL,
  ip inet,
  detail jsonb,
  happened_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Of two old tables whose numbers are not each other's: it has keys of its own.
CREATE TABLE IF NOT EXISTS security_service.key_usage_analytics (
  id uuid PRIMARY KEY DEFAULT uuid_generate_v4(),
  api_key_id uuid NOT NULL,
  day date NOT NULL,
  calls integer NOT NULL DEFAULT 0,
  errors integer NOT NULL DEFAULT 0,
  mean_latency interval,
  UNIQUE (api_key_id, day)
);

CREATE TABLE IF NOT EXISTS security_service.stored_api_keys (
  id uuid PRIMARY KEY DEFAULT uuid_generate_v4(),
  user_id uuid NOT NULL,
  provider text NOT NULL,
  label text,
  encrypted_value bytea NOT NULL,
  masked_value text NOT NULL,
  last_used_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (user_id, provider, label)
);
COMMENT ON TABLE security_service.stored_api_keys IS 'Keys of third parties, encrypted; keys to our own API stand in api_keys';

CREATE TABLE IF NOT EXISTS security_service.mcp_key_tools (
  id uuid PRIMARY KEY DEFAULT uuid_generate_v4(),
  key_id uuid NOT NULL,
  tool_name text NOT NULL,
  permissions text[] NOT NULL DEFAULT '{read}',
  max_calls_per_hour integer,
  is_enabled boolean NOT NULL DEFAULT true,
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (key_id, tool_name)
);

CREATE TABLE IF NOT EXISTS security_service.mcp_key_sessions (
  id uuid PRIMARY KEY DEFAULT uuid_generate_v4(),
  tool_id uuid NOT NULL,
  client_name text,
  calls bigint NOT NULL DEFAULT 0,
  open_during tstzrange NOT NULL
);

CREATE TABLE IF NOT EXISTS security_service.mcp_key_access_requests (
  id uuid PRIMARY KEY DEFAULT uuid_generate_v4(),
  tool_id uuid NOT NULL,
  requested_by uuid NOT NULL,
  justification text,
  status text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'approved', 'denied')),
  decided_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN security_service.mcp_key_access_requests.requested_by IS 'security_service.users.id';

CREATE TABLE IF NOT EXISTS security_service.mcp_key_audit_log (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  access_request_id uuid,
  action text NOT NULL,
  detail jsonb,
  happened_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE IF NOT EXISTS security_service.mcp_proxy_tokens (
  id uuid PRIMARY KEY DEFAULT uuid_generate_v4(),
  session_id uuid NOT NULL,
  token_hash bytea NOT NULL,
  uses integer NOT NULL DEFAULT 0,
  expires_at timestamptz
);

CREATE TABLE IF NOT EXISTS security_service.topics (
  id uuid PRIMARY KEY DEFAULT uuid_generate_v4(),
  organization_id uuid,
  parent_id uuid,
  name text NOT NULL,
  color char(7),
  is_system boolean NOT NULL DEFAULT false,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS security_service.memory_chunks (
  id uuid PRIMARY KEY DEFAULT uuid_generate_v4(),
  memory_id uuid NOT NULL,
  position integer NOT NULL,
  content text NOT NULL,
  token_count integer,
  embedding vector(1536),
  UNIQUE (memory_id, position)
);

CREATE TABLE IF NOT EXISTS security_service.memory_versions (
  memory_id uuid,
  version integer,
  title text NOT NULL,
  content text NOT NULL,
  changed_by uuid,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (memory_id, version)
);
