/** A project that has grown for years: nearly everything in public, some of it twice in maas, no word on what is whose. */
export const CROWDED = `
public.users: id uuid, email text, full_name text, role text, created_at timestamptz, updated_at timestamptz
public.profiles: id uuid, user_id uuid > public.users, display_name text, avatar_url text, bio text, created_at timestamptz
public.user_settings: id uuid, user_id uuid > public.users, settings jsonb, theme text, updated_at timestamptz
public.organizations: id uuid, name text, slug text, plan text, status text, created_at timestamptz
public.api_keys: id uuid, user_id uuid > public.users, organization_id uuid > public.organizations, name text, key_prefix text, key_hash text, scopes text[], status text, expires_at timestamptz, last_used_at timestamptz, created_at timestamptz
public.stored_api_keys: id uuid, user_id uuid > public.users, name text, key_prefix text, key_hash text, provider text, status text, expires_at timestamptz, created_at timestamptz
public.vendor_api_keys: id uuid, organization_id uuid > public.organizations, key_name text, key_prefix text, key_hash text, scopes text[], is_active boolean, expires_at timestamptz, last_used_at timestamptz, created_at timestamptz
public.vendor_api_keys_v2: id uuid, organization_id uuid > public.organizations, name text, key_prefix text, key_hash text, scopes text[], status text, expires_at timestamptz, last_used_at timestamptz, created_at timestamptz, metadata jsonb
public.api_key_projects: id uuid, api_key_id uuid > public.api_keys, project_name text, environment text, created_at timestamptz
public.key_rotation_policies: id uuid, api_key_id uuid > public.api_keys, rotate_every interval, next_rotation_at timestamptz
public.key_usage_analytics: id bigint, api_key_id uuid > public.api_keys, endpoint text, request_count integer, day date
public.key_security_events: id bigint, api_key_id uuid > public.api_keys, event_type text, severity text, happened_at timestamptz
public.mcp_key_tools: id uuid, api_key_id uuid > public.api_keys, tool_name text, is_enabled boolean
public.mcp_key_sessions: id uuid, tool_id uuid > public.mcp_key_tools, started_at timestamptz, ended_at timestamptz
public.mcp_key_audit_log: id bigint, session_id uuid > public.mcp_key_sessions, action text, happened_at timestamptz
public.memory_entries: id uuid, user_id uuid > public.users, topic_id uuid > public.memory_topics, title text, content text, tags text[], access_count integer, created_at timestamptz
public.memory_chunks: id uuid, memory_id uuid > public.memory_entries, chunk_index integer, content text
public.memory_versions: id uuid, memory_id uuid > public.memory_entries, version integer, title text, content text, created_at timestamptz
public.memory_topics: id uuid, user_id uuid > public.users, name text, color text
public.oauth_clients: id uuid, client_name text, redirect_uris text[], secret_hash text, created_at timestamptz
public.oauth_sessions: id uuid, client_id uuid > public.oauth_clients, user_id uuid > public.users, started_at timestamptz, expires_at timestamptz
public.oauth_tokens: id uuid, session_id uuid > public.oauth_sessions, token_hash text, scope text, expires_at timestamptz
public.oauth_authorization_codes: id uuid, client_id uuid > public.oauth_clients, user_id uuid > public.users, code_hash text, expires_at timestamptz
public.auth_events: id bigint, user_id uuid > public.users, event_type text, ip inet, happened_at timestamptz
public.subscriptions: id uuid, organization_id uuid > public.organizations, plan text, status text, current_period_end timestamptz
public.invoices: id uuid, subscription_id uuid > public.subscriptions, amount numeric, currency text, issued_on date
public.bulk_payments: id uuid, user_id uuid > public.users, title text, total numeric, status text, created_at timestamptz
public.payment_items: id uuid, bulk_payment_id uuid > public.bulk_payments, beneficiary_id uuid > public.beneficiaries, amount numeric, status text
public.payment_audit: id bigint, payment_id uuid > public.bulk_payments, action text, happened_at timestamptz
public.beneficiaries: id uuid, user_id uuid > public.users, name text, account_number text, bank_code text
public.stripe_connect_accounts: id uuid, organization_id uuid > public.organizations, stripe_id text, is_verified boolean
public.products: id uuid, vendor_id uuid > public.vendors, title text, price numeric, stock integer, description text
public.orders: id uuid, user_id uuid > public.users, status text, total numeric, placed_at timestamptz
public.order_items: id uuid, order_id uuid > public.orders, product_id uuid > public.products, quantity integer, price numeric
public.product_recommendations: id uuid, product_id uuid > public.products, score double precision, reason text
public.vendors: id uuid, organization_id uuid > public.organizations, vendor_code text, status text
public.vendor_sessions: id uuid, vendor_id uuid > public.vendors, platform text, started_at timestamptz
public.vendor_usage_logs: id bigint, vendor_id uuid > public.vendors, endpoint text, status_code integer, happened_at timestamptz
public.conversations: id uuid, user_id uuid > public.users, title text, model text, created_at timestamptz
public.messages: id bigint, conversation_id uuid > public.conversations, sender text, body text, created_at timestamptz
public.chat_sessions: id uuid, conversation_id uuid > public.conversations, started_at timestamptz, ended_at timestamptz
public.chat_embeddings: id uuid, message_id bigint > public.messages, model text, dimensions integer
public.ai_usage_logs: id bigint, user_id uuid > public.users, model text, tokens integer, cost numeric, happened_at timestamptz
public.system_error_logs: id bigint, source text, message text, stack text, happened_at timestamptz
public.webhook_logs: id bigint, url text, status_code integer, payload jsonb, happened_at timestamptz
public.search_analytics: id bigint, user_id uuid > public.users, query text, results integer, happened_at timestamptz
maas.memory_entries: id uuid, user_id uuid > public.users, title text, content text, tags text[], access_count integer, created_at timestamptz
core.usage_tracking: id bigint, organization_id uuid > public.organizations, metric text, quantity bigint, happened_at timestamptz
`;

/** One product, one heart: what its authors split into growth and shared. */
export const GROWN = `
public.users: id uuid, email text, display_name text, role text, joined date, created_at timestamptz
public.entities: id uuid, owner_id uuid > public.users, parent_id uuid > public.entities, type text, name text, created_at timestamptz
public.artifacts: id uuid, entity_id uuid > public.entities, type text, version integer, title text, content text, created_at timestamptz
public.comments: id bigint, artifact_id uuid > public.artifacts, author_id uuid > public.users, body text, created_at timestamptz
public.jobs: id bigint, kind text, status text, payload jsonb, locked_by uuid > public.users, created_at timestamptz
public.templates: id integer, name text, sections text[], body text
public.prompts: id uuid, name text, body text, temperature real
public.microsites: slug text, owner_id uuid > public.users, entity_id uuid > public.entities, template_id integer > public.templates, current_job_id bigint > public.generation_jobs, title text
public.generation_jobs: id bigint, site_id text > public.microsites, prompt_id uuid > public.prompts, status text, model text, started_at timestamptz
public.microsite_sections: id uuid, microsite_slug text > public.microsites, type text, position integer, body text
public.tags: id bigint, label text, color text
public.entity_tags: entity_id uuid > public.entities, tag_id bigint > public.tags, weight numeric
public.credit_accounts: id integer, owner_id uuid > public.users, balance numeric, updated_at timestamptz
public.activity_log: id bigint, request_id uuid, actor_id uuid > public.users, action text, happened_at timestamptz
`;

/** A project that has its domains already, and one table of a tool in public. */
export const DIVIDED = `
core.workspaces: id uuid, name text, created_at timestamptz
core.members: id uuid, workspace_id uuid > core.workspaces, user_id uuid, role text
core.founders: id uuid, workspace_id uuid > core.workspaces, display_name text, email text
core.contacts: id uuid, workspace_id uuid > core.workspaces, full_name text, company text
ops.events: id bigint, workspace_id uuid > core.workspaces, kind text, happened_at timestamptz
ops.jobs: id bigint, event_id bigint > ops.events, status text
comms.communications: id uuid, workspace_id uuid > core.workspaces, contact_id uuid > core.contacts, subject text, body text
comms.threads: id uuid, workspace_id uuid > core.workspaces, subject text
comms.attachments: id uuid, communication_id uuid > comms.communications, file_name text
meetings.meetings: id uuid, workspace_id uuid > core.workspaces, starts_at timestamptz, title text
meetings.attendees: meeting_id uuid > meetings.meetings, contact_id uuid > core.contacts, is_present boolean
meetings.transcript_chunks: id uuid, meeting_id uuid > meetings.meetings, content text
media.assets: id uuid, workspace_id uuid > core.workspaces, path text
media.media_chunks: id uuid, asset_id uuid > media.assets, content text
work.projects: id uuid, workspace_id uuid > core.workspaces, title text
work.tasks: id uuid, project_id uuid > work.projects, assignee_id uuid > core.members, title text
intel.insights: id uuid, workspace_id uuid > core.workspaces, title text, body text
intel.insight_sources: id uuid, insight_id uuid > intel.insights, communication_id uuid > comms.communications
`;
