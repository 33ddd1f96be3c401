-- depends: 0004.queue-age
-- Cards that keep their identity: windows with cached results, users' edits, pins and deletions, and every version.

-- Windows are cut anew, and their hashes chained, so that what comes last is enough to know the whole topic.
DELETE FROM topic_windows;
ALTER TABLE topic_windows
    ADD COLUMN chain bytea NOT NULL,
    ADD COLUMN total integer NOT NULL;
COMMENT ON TABLE topic_windows IS 'Closed windows only; the last, growing one is hashed when it is read.';
COMMENT ON COLUMN topic_windows.chain IS 'SHA-256 over the hashes of this window and all before it.';
COMMENT ON COLUMN topic_windows.total IS 'Messages in this window and all before it.';

-- What an extractor found in a window, kept for as long as every message of it is.
CREATE TABLE window_results (
    result_id      uuid PRIMARY KEY,
    user_id        uuid NOT NULL REFERENCES users,
    window_hash    bytea NOT NULL,
    extractor      text NOT NULL,
    message_ids    bigint[] NOT NULL,
    dropped        integer NOT NULL,
    input_tokens   integer,
    output_tokens  integer,
    created_at     timestamptz NOT NULL DEFAULT now(),
    UNIQUE (result_id, user_id),
    UNIQUE (user_id, window_hash, extractor)
);
CREATE INDEX window_results_by_message ON window_results USING gin (message_ids);

CREATE TABLE window_drafts (
    result_id   uuid NOT NULL,
    position    integer NOT NULL,
    user_id     uuid NOT NULL,
    key         bytea NOT NULL,
    kind        text NOT NULL,
    title       text NOT NULL,
    body        text NOT NULL,
    confidence  double precision NOT NULL,
    citations   jsonb NOT NULL,
    PRIMARY KEY (result_id, position),
    FOREIGN KEY (result_id, user_id) REFERENCES window_results (result_id, user_id) ON DELETE CASCADE
);
COMMENT ON COLUMN window_drafts.key IS 'Drafts of one kind with the same words are one card.';
CREATE INDEX window_drafts_by_key ON window_drafts (user_id, key);

-- Which results a topic's cards are made of.
CREATE TABLE shown_windows (
    topic_id       uuid NOT NULL,
    start_id       bigint NOT NULL,
    user_id        uuid NOT NULL,
    window_hash    bytea NOT NULL,
    result_id      uuid,
    intended       text NOT NULL,
    failure_class  text,
    is_chosen      boolean NOT NULL DEFAULT false,
    keys           bytea[] NOT NULL,
    tokens         integer NOT NULL DEFAULT 0,
    PRIMARY KEY (topic_id, start_id),
    FOREIGN KEY (topic_id, user_id) REFERENCES topics (topic_id, user_id),
    FOREIGN KEY (result_id, user_id) REFERENCES window_results (result_id, user_id) ON DELETE SET NULL (result_id)
);
COMMENT ON COLUMN shown_windows.intended IS 'The extractor that was asked; with a failure_class, the rules stood in for it.';
COMMENT ON COLUMN shown_windows.is_chosen IS 'The user applied this result from a preview: it stays although the extractor is another.';
CREATE INDEX shown_windows_by_result ON shown_windows (result_id);

ALTER TABLE card_extract_runs
    DROP COLUMN card_set,
    ADD COLUMN windows_extracted integer NOT NULL DEFAULT 0,
    ADD COLUMN windows_reused integer NOT NULL DEFAULT 0,
    ADD COLUMN tokens_saved integer NOT NULL DEFAULT 0,
    ADD COLUMN agreement real,
    ADD COLUMN upgrades integer NOT NULL DEFAULT 0;
COMMENT ON COLUMN card_extract_runs.agreement IS 'How far the model''s cards and the rules'' rest on the same words, 0 to 1; null without a model.';
COMMENT ON COLUMN card_extract_runs.upgrades IS 'How often it was tried again after a passing failure.';

-- An id names the topic its card was made in; the card may move with its messages.
ALTER TABLE cards
    DROP CONSTRAINT cards_check,
    ALTER COLUMN confidence TYPE double precision USING round(confidence::numeric, 4)::float8,
    ADD COLUMN status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'superseded', 'retired', 'deleted')),
    ADD COLUMN is_found boolean NOT NULL DEFAULT true,
    ADD COLUMN pinned boolean NOT NULL DEFAULT false,
    ADD COLUMN edited text[] NOT NULL DEFAULT '{}',
    ADD COLUMN machine jsonb,
    ADD COLUMN base jsonb,
    ADD COLUMN key bytea NOT NULL DEFAULT '',
    ADD COLUMN words text[] NOT NULL DEFAULT '{}',
    ADD COLUMN is_pointed boolean NOT NULL DEFAULT false,
    ADD COLUMN superseded_by text,
    ADD COLUMN version integer NOT NULL DEFAULT 1,
    ADD COLUMN first_message_id bigint,
    ADD COLUMN first_offset integer;
UPDATE cards c SET first_message_id = x.message_id, first_offset = x.start_offset,
    machine = jsonb_build_object('kind', c.kind, 'title', c.title, 'body', c.body)
    FROM card_citations x WHERE x.card_id = c.card_id AND x.position = 1;
ALTER TABLE cards
    ALTER COLUMN title SET NOT NULL,
    ALTER COLUMN first_message_id SET NOT NULL,
    ALTER COLUMN first_offset SET NOT NULL;
DROP INDEX cards_by_topic;
ALTER TABLE cards DROP COLUMN position;
COMMENT ON COLUMN cards.status IS 'deleted: a tombstone; retired: not found any more, kept so that it gets its id back; superseded: a newer card contradicts it.';
COMMENT ON COLUMN cards.edited IS 'Fields the user has set.';
COMMENT ON COLUMN cards.words IS 'What it is about; is_pointed: it may contradict cards that are about the same.';
COMMENT ON COLUMN cards.machine IS 'What the last extraction that found it says: kind, title, body.';
COMMENT ON COLUMN cards.base IS 'Of the edited fields, what the machine said when the user last decided about them.';
CREATE INDEX cards_by_topic ON cards (topic_id, first_message_id, first_offset, card_id);
CREATE INDEX cards_by_user ON cards (user_id, first_message_id, first_offset, card_id);
CREATE INDEX cards_by_key ON cards (topic_id, key);

-- Every state of a card that was ever served; what a topic showed at a moment is read from here.
CREATE TABLE card_versions (
    card_id      text NOT NULL,
    version      integer NOT NULL,
    user_id      uuid NOT NULL,
    topic_id     uuid NOT NULL,
    action       text NOT NULL,
    valid_from   timestamptz NOT NULL,
    valid_to     timestamptz,
    message_ids  bigint[] NOT NULL,
    state        jsonb NOT NULL,
    PRIMARY KEY (card_id, version),
    FOREIGN KEY (card_id, user_id) REFERENCES cards (card_id, user_id) ON DELETE CASCADE,
    FOREIGN KEY (topic_id, user_id) REFERENCES topics (topic_id, user_id)
);
COMMENT ON COLUMN card_versions.state IS 'As it was served, but for the quotes: those are read from the messages.';
CREATE INDEX card_versions_by_topic ON card_versions (topic_id, valid_from);
INSERT INTO card_versions (card_id, version, user_id, topic_id, action, valid_from, message_ids, state)
SELECT c.card_id, 1, c.user_id, c.topic_id, 'created', c.updated_at,
    (SELECT array_agg(x.message_id ORDER BY x.position) FROM card_citations x WHERE x.card_id = c.card_id),
    to_jsonb(c) || jsonb_build_object('citations', (SELECT jsonb_agg(
        jsonb_build_array(x.message_id, x.start_offset, x.end_offset) ORDER BY x.position)
        FROM card_citations x WHERE x.card_id = c.card_id))
FROM cards c;

DO $$
DECLARE t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['window_results', 'window_drafts', 'shown_windows', 'card_versions']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY own_rows ON %I TO glia_app '
                       'USING (user_id = current_user_id()) WITH CHECK (user_id = current_user_id())', t);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO glia_app', t);
    END LOOP;
END $$;

-- A job may be meant for later (a fallback that is tried again): it waits from then on.
ALTER TABLE jobs ADD COLUMN not_before timestamptz NOT NULL DEFAULT now();
UPDATE jobs SET not_before = created_at;
COMMENT ON COLUMN jobs.not_before IS 'When it was meant to be at work first; its age counts from here.';
GRANT SELECT (not_before) ON jobs TO glia_system;
SET ROLE glia_system;
CREATE OR REPLACE FUNCTION oldest_queued_job() RETURNS double precision
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
        SELECT greatest(coalesce(extract(epoch FROM now() - min(not_before)), 0), 0)::double precision
        FROM jobs WHERE status = 'queued'
    $$;
RESET ROLE;
