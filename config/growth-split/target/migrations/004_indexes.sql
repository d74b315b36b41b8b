-- ferry: after-copy
-- Secondary indexes, which would slow the copy down. Apply waits for each table meanwhile, nobody else writes there yet.
CREATE INDEX IF NOT EXISTS activity_log_happened_idx ON shared.activity_log (happened_at);
CREATE INDEX IF NOT EXISTS idx_cross_links_source ON shared.cross_links (source_mode, source_id);
CREATE INDEX IF NOT EXISTS idx_cross_links_target ON shared.cross_links (target_mode, target_id);
CREATE INDEX IF NOT EXISTS entities_owner_idx ON growth.entities (owner_id);
CREATE INDEX IF NOT EXISTS entities_parent_idx ON growth.entities (parent_id) WHERE parent_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS entities_name_key_idx ON growth.entities (name_key);
CREATE INDEX IF NOT EXISTS jobs_open_idx ON growth.jobs (run_at, priority) WHERE status IN ('queued', 'running');
CREATE INDEX IF NOT EXISTS microsites_entity_idx ON growth.microsites (entity_id);
CREATE INDEX IF NOT EXISTS microsites_current_job_idx ON growth.microsites (current_job_id);
CREATE INDEX IF NOT EXISTS generation_jobs_microsite_idx ON growth.generation_jobs (microsite_slug);
CREATE INDEX IF NOT EXISTS entity_tags_tag_idx ON growth.entity_tags (tag_id);
CREATE INDEX IF NOT EXISTS artifact_comments_artifact_idx ON growth.artifact_comments (artifact_id);
CREATE INDEX IF NOT EXISTS artifact_comments_parent_idx ON growth.artifact_comments (parent_id) WHERE parent_id IS NOT NULL;
