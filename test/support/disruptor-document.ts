/** What the document of the disruptor pipeline says that must be so. */

/** Each service's schema with its comment and its tables; of `smart_recall_*` those that the old project has. */
export const SERVICES: Readonly<Record<string, { readonly comment: string; readonly tables: string }>> = {
  security_service: {
    comment: 'API keys, secrets, memory service, MCP tools',
    tables: `api_keys api_key_projects key_rotation_policies key_security_events key_usage_analytics stored_api_keys
      mcp_key_tools mcp_key_sessions mcp_key_access_requests mcp_key_audit_log mcp_proxy_tokens
      memory_entries memory_chunks memory_versions organizations topics users`,
  },
  auth_gateway: {
    comment: 'Authentication, authorization, OAuth, sessions',
    tables: `user_accounts sessions oauth_sessions oauth_clients oauth_tokens oauth_authorization_codes
      auth_events auth_codes audit_log admin_sessions admin_access_log outbox`,
  },
  shared_services: { comment: 'Cross-cutting: profiles, settings', tables: 'profiles settings users' },
  analytics: {
    comment: 'Usage tracking, logs, metrics',
    tables: `usage_tracking user_activity_logs ai_usage_logs system_error_logs webhook_logs search_analytics
      company_usage_logs`,
  },
  billing: {
    comment: 'Payments, subscriptions, invoicing',
    tables: `subscriptions stripe_connect_accounts bulk_payments payment_items payment_audit beneficiaries
      user_payments vendor_billing_records`,
  },
  vendors: {
    comment: 'Vendor/platform management',
    tables: 'organizations api_keys platform_sessions usage_logs billing_records',
  },
  marketplace: {
    comment: 'E-commerce: products, orders, transactions',
    tables: 'products orders order_items transactions pricing_insights recommendations product_embeddings',
  },
  ai_chat: {
    comment: 'AI chat services and conversations',
    tables: 'conversations messages chat_sessions chat_analytics chat_embeddings',
  },
  intelligence: {
    comment: 'Intelligence API features',
    tables: `subscription_tiers user_subscriptions usage_logs cache voice_memories screenshot_memories
      smart_recall_events smart_recall_suggestions smart_recall_feedback`,
  },
  client_services: {
    comment: 'Client organizations and their resources',
    tables: 'organizations api_keys transactions usage_logs billing_records',
  },
  control_room: {
    comment: 'Admin cockpit, app registry, system health',
    tables: 'apps project_stages project_audit_log system_health',
  },
};

/** Schemas of applications: the document names them, and not what is in them. */
export const APPLICATIONS: Readonly<Record<string, string>> = {
  app_the_fixer_initiative: 'onboarding_steps consent_records',
  app_onasis_core: 'api_key_scopes feature_flags',
  app_lanonasis_maas: 'memory_tags memory_access_log',
  app_seftec: `edoc_templates edoc_documents edoc_signatures business_profiles business_contacts business_invoices
    business_expenses`,
  app_seftechub: 'carts cart_items coupons product_reviews shipments saved_searches',
  app_vortexcore: 'notification_preferences user_dashboards device_tokens',
  app_mcp_monorepo: 'servers encrypted_secrets secret_access_log',
};

/** The tables that it writes out, with their indexes. */
export const DDL = `
CREATE TABLE security_service.organizations (
    id UUID PRIMARY KEY DEFAULT uuid_generate_v4(),
    name VARCHAR(255) NOT NULL,
    slug VARCHAR(100) UNIQUE NOT NULL,
    description TEXT,
    plan VARCHAR(50) DEFAULT 'free' CHECK (plan IN ('free', 'pro', 'enterprise')),
    max_memories INTEGER DEFAULT 1000,
    max_storage_mb INTEGER DEFAULT 100,
    vector_search_enabled BOOLEAN DEFAULT true,
    current_memories_count INTEGER DEFAULT 0,
    current_storage_mb DECIMAL(10,2) DEFAULT 0,
    status VARCHAR(20) DEFAULT 'active' CHECK (status IN ('active', 'suspended', 'cancelled')),
    created_at TIMESTAMP WITH TIME ZONE DEFAULT NOW(),
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT NOW(),
    settings JSONB DEFAULT '{}'::jsonb
);
CREATE TABLE security_service.users (
    id UUID PRIMARY KEY DEFAULT uuid_generate_v4(),
    user_id UUID NOT NULL,
    organization_id UUID REFERENCES security_service.organizations(id) ON DELETE CASCADE,
    email VARCHAR(255) NOT NULL,
    role VARCHAR(50) DEFAULT 'user' CHECK (role IN ('admin', 'user', 'viewer')),
    preferences JSONB DEFAULT '{}'::jsonb,
    status VARCHAR(20) DEFAULT 'active' CHECK (status IN ('active', 'inactive', 'suspended')),
    last_login_at TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT NOW(),
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT NOW(),
    UNIQUE(user_id, organization_id)
);
CREATE TABLE security_service.memory_entries (
    id UUID PRIMARY KEY DEFAULT uuid_generate_v4(),
    organization_id UUID REFERENCES security_service.organizations(id) ON DELETE CASCADE,
    user_id UUID NOT NULL,
    topic_id UUID,
    title VARCHAR(500) NOT NULL,
    content TEXT NOT NULL,
    summary TEXT,
    type VARCHAR(50) DEFAULT 'context' CHECK (type IN (
        'context', 'project', 'knowledge', 'reference', 'personal', 'workflow', 'note', 'document'
    )),
    tags TEXT[] DEFAULT '{}',
    embedding vector(1536),
    metadata JSONB DEFAULT '{}'::jsonb,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT NOW(),
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT NOW(),
    last_accessed TIMESTAMP WITH TIME ZONE,
    access_count INTEGER DEFAULT 0
);
CREATE TABLE security_service.api_keys (
    id UUID PRIMARY KEY DEFAULT uuid_generate_v4(),
    organization_id UUID REFERENCES security_service.organizations(id) ON DELETE CASCADE,
    user_id UUID NOT NULL,
    name VARCHAR(255) NOT NULL,
    key_prefix VARCHAR(20) NOT NULL,
    key_hash VARCHAR(255) NOT NULL,
    key_type VARCHAR(50) DEFAULT 'standard',
    scopes TEXT[] DEFAULT '{}',
    status VARCHAR(20) DEFAULT 'active' CHECK (status IN ('active', 'revoked', 'expired')),
    expires_at TIMESTAMP WITH TIME ZONE,
    last_used_at TIMESTAMP WITH TIME ZONE,
    usage_count INTEGER DEFAULT 0,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT NOW(),
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT NOW(),
    metadata JSONB DEFAULT '{}'::jsonb
);
CREATE INDEX idx_memory_entries_org ON security_service.memory_entries(organization_id);
CREATE INDEX idx_memory_entries_user ON security_service.memory_entries(user_id);
CREATE INDEX idx_memory_entries_embedding ON security_service.memory_entries
  USING ivfflat (embedding vector_cosine_ops) WITH (lists = 100);
CREATE INDEX idx_api_keys_org ON security_service.api_keys(organization_id);
CREATE INDEX idx_api_keys_prefix ON security_service.api_keys(key_prefix);`;
