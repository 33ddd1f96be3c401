-- depends: 0007.stories
-- Batches of topics that are extracted again, one item a topic.

ALTER TABLE jobs
    DROP CONSTRAINT jobs_kind_check,
    ADD CONSTRAINT jobs_kind_check CHECK (kind IN ('turn', 'extract', 'story', 'reextract'));
CREATE INDEX jobs_by_user ON jobs (user_id, job_id);
CREATE INDEX jobs_dead ON jobs (user_id, job_id) WHERE status = 'dead';

CREATE TABLE reextraction_batches (
    batch_id        uuid PRIMARY KEY,
    user_id         uuid NOT NULL REFERENCES users,
    filter          jsonb NOT NULL,
    is_preview      boolean NOT NULL,
    choice          jsonb,
    extractor       text NOT NULL,
    status          text NOT NULL DEFAULT 'running'
        CHECK (status IN ('running', 'ready', 'applying', 'done', 'cancelled', 'discarded')),
    request_id      text NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    applied_at      timestamptz,
    ended_at        timestamptz,
    UNIQUE (batch_id, user_id),
    CHECK (is_preview OR (choice IS NULL AND status NOT IN ('ready', 'applying', 'discarded')))
);
COMMENT ON COLUMN reextraction_batches.choice IS 'The extractor asked for: provider, model, prompt_version; null for the one in use.';
COMMENT ON COLUMN reextraction_batches.extractor IS 'Its name when the batch was started.';
CREATE INDEX reextraction_batches_by_user ON reextraction_batches (user_id, created_at, batch_id);

CREATE TABLE reextraction_items (
    item_id        uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    batch_id       uuid NOT NULL,
    user_id        uuid NOT NULL,
    topic_id       uuid NOT NULL,
    status         text NOT NULL DEFAULT 'queued'
        CHECK (status IN ('queued', 'running', 'done', 'failed', 'cancelled', 'applied', 'discarded')),
    job_id         uuid,
    run_id         uuid,
    cards_changed  integer,
    tokens         integer,
    failure_class  text,
    diff           jsonb,
    message_ids    bigint[] NOT NULL DEFAULT '{}',
    ended_at       timestamptz,
    UNIQUE (batch_id, topic_id),
    FOREIGN KEY (batch_id, user_id) REFERENCES reextraction_batches (batch_id, user_id),
    FOREIGN KEY (topic_id, user_id) REFERENCES topics (topic_id, user_id),
    FOREIGN KEY (run_id, user_id) REFERENCES card_extract_runs (run_id, user_id)
);
COMMENT ON COLUMN reextraction_items.diff IS 'What a preview would change, until it is applied or discarded, or a message it was made from is deleted.';
COMMENT ON COLUMN reextraction_items.message_ids IS 'Every message that the diff was made from.';
CREATE INDEX reextraction_items_by_status ON reextraction_items (batch_id, status, topic_id);
CREATE INDEX reextraction_items_running ON reextraction_items (topic_id) WHERE status = 'running';
CREATE INDEX reextraction_items_failed ON reextraction_items (job_id) WHERE status = 'failed';
CREATE INDEX reextraction_items_by_message ON reextraction_items USING gin (message_ids) WHERE diff IS NOT NULL;

DO $$
DECLARE t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['reextraction_batches', 'reextraction_items']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY own_rows ON %I TO glia_app '
                       'USING (user_id = current_user_id()) WITH CHECK (user_id = current_user_id())', t);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE ON %I TO glia_app', t);
    END LOOP;
END $$;
