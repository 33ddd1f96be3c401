-- depends: 0006.topic-operations
-- Stories: a narrative of each topic, one version a state of its cards; and the topic titles that come from them.

CREATE TABLE stories (
    topic_id        uuid NOT NULL,
    version         integer NOT NULL,
    user_id         uuid NOT NULL,
    title           text CHECK (char_length(title) <= 60),
    paragraphs      jsonb NOT NULL,
    message_ids     bigint[] NOT NULL,
    source_hash     bytea NOT NULL,
    cards_count     integer NOT NULL,
    intended        text NOT NULL,
    provider        text NOT NULL,
    model           text,
    prompt_version  text,
    fallback_used   boolean NOT NULL,
    failure_class   text,
    attempts        jsonb NOT NULL,
    input_tokens    integer,
    output_tokens   integer,
    cause           text NOT NULL,
    job_id          uuid NOT NULL,
    request_id      text NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (topic_id, version),
    FOREIGN KEY (topic_id, user_id) REFERENCES topics (topic_id, user_id)
);
COMMENT ON COLUMN stories.paragraphs IS 'Each {text, card_ids, citations: [message_id, start, end]}; quotes are read from the messages.';
COMMENT ON COLUMN stories.message_ids IS 'Every message whose words it may hold: cited by a card the narrator saw, or shown to it.';
COMMENT ON COLUMN stories.source_hash IS 'SHA-256 over the ids and versions of the cards it was made of.';
COMMENT ON COLUMN stories.intended IS 'The narrator that was asked; with a failure_class, the digest stood in for it.';
CREATE INDEX stories_by_message ON stories USING gin (message_ids);

ALTER TABLE stories ENABLE ROW LEVEL SECURITY;
ALTER TABLE stories FORCE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON stories TO glia_app
    USING (user_id = current_user_id()) WITH CHECK (user_id = current_user_id());
GRANT SELECT, INSERT, DELETE ON stories TO glia_app;

ALTER TABLE topics
    ADD COLUMN auto_title text,
    ADD COLUMN story_version integer NOT NULL DEFAULT 0,
    ADD COLUMN story_hash bytea,
    ADD COLUMN story_due boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN topics.auto_title IS 'The title of the story of that version; goes with it. A title of the user''s own comes first.';
COMMENT ON COLUMN topics.story_version IS 'Of the last story ever written: a number is never used twice.';
COMMENT ON COLUMN topics.story_hash IS 'The source hash of that story; null once it is gone, or once there is no card to tell of.';
COMMENT ON COLUMN topics.story_due IS 'Messages have left or come: when it has been extracted again its story is told, whether or not that changes a card.';

-- A topic has at most one extraction and one story in the queue.
ALTER TABLE jobs
    DROP CONSTRAINT jobs_kind_check,
    ADD CONSTRAINT jobs_kind_check CHECK (kind IN ('turn', 'extract', 'story'));
DROP INDEX jobs_one_queued_extraction;
CREATE UNIQUE INDEX jobs_one_queued ON jobs (user_id, kind, subject) WHERE status = 'queued';
