-- The new project of the growth split, after the copy: foreign keys and secondary indexes, which wait until now because
-- each would slow the copy down, and because the rows of a circle arrive one after the other.
-- One transaction; may run again, and then changes nothing. Apply may go on meanwhile: it waits.

-- Foreign keys, within growth and to shared: added NOT VALID, which is quick, then validated, which reads all rows.
--
-- The locks are taken all at once or not at all, so that apply, which writes these tables in the order of its events,
-- never ends in a deadlock with this. The domain schemas are applied side by side: growth may be a moment ahead of
-- shared and refer to a user who has not arrived. So what fails is undone, everybody goes on, and it is tried again.
DO $$
DECLARE
  give_up_at timestamptz := clock_timestamp() + interval '30 seconds';
  key record;
BEGIN
  -- Below deadlock_timeout, so that as a rule it is not apply that is cancelled.
  PERFORM set_config('lock_timeout', '300ms', true);
  LOOP
    BEGIN
      -- One schema after the other, the table that is written most first: once it is free the others are.
      LOCK TABLE shared.activity_log, shared.users, shared.cross_links IN SHARE ROW EXCLUSIVE MODE;
      LOCK TABLE growth.credit_accounts, growth.artifacts, growth.entities, growth.entity_tags, growth.jobs,
        growth.artifact_comments, growth.microsites, growth.microsite_sections, growth.generation_jobs,
        growth.templates, growth.prompts, growth.tags IN SHARE ROW EXCLUSIVE MODE;
      FOR key IN
        SELECT * FROM (VALUES
          ('shared.activity_log', 'activity_log_actor_fk', 'FOREIGN KEY (actor_id) REFERENCES shared.users (id)'),
          ('shared.cross_links', 'cross_links_created_by_fk', 'FOREIGN KEY (created_by) REFERENCES shared.users (id)'),
          ('growth.entities', 'entities_owner_fk', 'FOREIGN KEY (owner_id) REFERENCES shared.users (id)'),
          ('growth.entities', 'entities_parent_fk', 'FOREIGN KEY (parent_id) REFERENCES growth.entities (id) ON DELETE SET NULL'),
          ('growth.artifacts', 'artifacts_entity_fk', 'FOREIGN KEY (entity_id) REFERENCES growth.entities (id) ON DELETE CASCADE'),
          ('growth.artifact_comments', 'artifact_comments_artifact_fk', 'FOREIGN KEY (artifact_id) REFERENCES growth.artifacts (id) ON DELETE CASCADE'),
          ('growth.artifact_comments', 'artifact_comments_author_fk', 'FOREIGN KEY (author_id) REFERENCES shared.users (id)'),
          ('growth.artifact_comments', 'artifact_comments_parent_fk', 'FOREIGN KEY (parent_id) REFERENCES growth.artifact_comments (id) ON DELETE CASCADE'),
          ('growth.jobs', 'jobs_locked_by_fk', 'FOREIGN KEY (locked_by) REFERENCES shared.users (id)'),
          ('growth.microsites', 'microsites_owner_fk', 'FOREIGN KEY (owner_id) REFERENCES shared.users (id)'),
          ('growth.microsites', 'microsites_entity_fk', 'FOREIGN KEY (entity_id) REFERENCES growth.entities (id) ON DELETE SET NULL'),
          ('growth.microsites', 'microsites_template_fk', 'FOREIGN KEY (template_id) REFERENCES growth.templates (id)'),
          -- The circle: deferred, so that a site and its job may be written in either order.
          ('growth.microsites', 'microsites_current_job_fk', 'FOREIGN KEY (current_job_id) REFERENCES growth.generation_jobs (id) ON DELETE SET NULL DEFERRABLE INITIALLY DEFERRED'),
          ('growth.generation_jobs', 'generation_jobs_microsite_fk', 'FOREIGN KEY (microsite_slug) REFERENCES growth.microsites (slug) ON UPDATE CASCADE ON DELETE CASCADE'),
          ('growth.generation_jobs', 'generation_jobs_prompt_fk', 'FOREIGN KEY (prompt_id) REFERENCES growth.prompts (id)'),
          ('growth.microsite_sections', 'microsite_sections_microsite_fk', 'FOREIGN KEY (microsite_slug) REFERENCES growth.microsites (slug) ON UPDATE CASCADE ON DELETE CASCADE'),
          ('growth.entity_tags', 'entity_tags_entity_fk', 'FOREIGN KEY (entity_id) REFERENCES growth.entities (id) ON DELETE CASCADE'),
          ('growth.entity_tags', 'entity_tags_tag_fk', 'FOREIGN KEY (tag_id) REFERENCES growth.tags (id) ON DELETE CASCADE'),
          ('growth.credit_accounts', 'credit_accounts_owner_fk', 'FOREIGN KEY (owner_id) REFERENCES shared.users (id)'),
          ('engineering.entities', 'entities_owner_fk', 'FOREIGN KEY (owner_id) REFERENCES shared.users (id)'),
          ('engineering.artifacts', 'artifacts_entity_fk', 'FOREIGN KEY (entity_id) REFERENCES engineering.entities (id) ON DELETE CASCADE'),
          ('engineering.wiki_pages', 'wiki_pages_author_fk', 'FOREIGN KEY (author_id) REFERENCES shared.users (id)'),
          ('product.entities', 'entities_owner_fk', 'FOREIGN KEY (owner_id) REFERENCES shared.users (id)'),
          ('product.artifacts', 'artifacts_entity_fk', 'FOREIGN KEY (entity_id) REFERENCES product.entities (id) ON DELETE CASCADE')
        ) AS wanted (table_name, constraint_name, definition)
        WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_constraint
                          WHERE conrelid = table_name::regclass AND conname = constraint_name)
      LOOP
        EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %I %s NOT VALID', key.table_name, key.constraint_name, key.definition);
      END LOOP;
      FOR key IN
        SELECT conrelid::regclass AS table_name, conname AS constraint_name FROM pg_catalog.pg_constraint
        WHERE contype = 'f' AND NOT convalidated AND connamespace IN
          (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname IN ('growth', 'engineering', 'product', 'shared'))
      LOOP
        EXECUTE format('ALTER TABLE %s VALIDATE CONSTRAINT %I', key.table_name, key.constraint_name);
      END LOOP;
      EXIT;
    EXCEPTION WHEN lock_not_available OR deadlock_detected OR foreign_key_violation THEN
      IF clock_timestamp() > give_up_at THEN
        RAISE;
      END IF;
      PERFORM pg_sleep(0.1);
    END;
  END LOOP;
END $$;

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
