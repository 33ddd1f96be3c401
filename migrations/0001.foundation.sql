-- Users, conversations, topics, messages, turns, jobs, cards and extract runs.
-- Run by the owner. Every user-scoped table has forced row-level security and foreign keys that include user_id.

-- The user of the current transaction; null when none is set, so that nothing is visible.
CREATE FUNCTION current_user_id() RETURNS uuid LANGUAGE sql STABLE
    AS $$ SELECT nullif(current_setting('glia.user_id', true), '')::uuid $$;

CREATE TABLE users (
    user_id     uuid PRIMARY KEY,
    issuer      text NOT NULL,
    subject     text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    UNIQUE (issuer, subject)
);

CREATE TABLE api_keys (
    key_id      uuid PRIMARY KEY,
    user_id     uuid NOT NULL REFERENCES users,
    name        text NOT NULL,
    prefix      text NOT NULL,
    key_sha256  bytea NOT NULL UNIQUE,
    created_at  timestamptz NOT NULL DEFAULT now(),
    revoked_at  timestamptz
);
CREATE INDEX api_keys_by_user ON api_keys (user_id, key_id);

CREATE TABLE conversations (
    conversation_id  text PRIMARY KEY,
    user_id          uuid NOT NULL UNIQUE REFERENCES users,
    active_topic_id  uuid,
    created_at       timestamptz NOT NULL DEFAULT now(),
    UNIQUE (conversation_id, user_id),
    CHECK (conversation_id = 'conv_' || user_id)
);

CREATE TABLE topics (
    topic_id         uuid PRIMARY KEY,
    user_id          uuid NOT NULL,
    conversation_id  text NOT NULL,
    title            text,
    status           text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'archived')),
    revision         bigint NOT NULL DEFAULT 0,
    cards_run_id     uuid,
    cards_revision   bigint,
    cards_end_id     bigint,
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now(),
    UNIQUE (topic_id, user_id),
    FOREIGN KEY (conversation_id, user_id) REFERENCES conversations (conversation_id, user_id)
);
COMMENT ON COLUMN topics.title IS 'Null until the user sets one; then the opening of the first message is shown, read where it stands.';
COMMENT ON COLUMN topics.revision IS 'Raised by everything but appending that changes what an extraction would read or write.';
COMMENT ON COLUMN topics.cards_run_id IS 'The run whose cards the topic shows; with cards_revision and cards_end_id, the state it was applied to.';
CREATE INDEX topics_by_user ON topics (user_id, topic_id);

ALTER TABLE conversations ADD FOREIGN KEY (active_topic_id, user_id) REFERENCES topics (topic_id, user_id);

CREATE TABLE messages (
    message_id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id            uuid NOT NULL,
    conversation_id    text NOT NULL,
    topic_id           uuid NOT NULL,
    role               text NOT NULL CHECK (role IN ('user', 'assistant')),
    content            text NOT NULL,
    client_message_id  text,
    created_at         timestamptz NOT NULL DEFAULT now(),
    UNIQUE (message_id, user_id),
    UNIQUE (user_id, client_message_id),
    FOREIGN KEY (conversation_id, user_id) REFERENCES conversations (conversation_id, user_id),
    FOREIGN KEY (topic_id, user_id) REFERENCES topics (topic_id, user_id)
);
CREATE INDEX messages_by_user ON messages (user_id, message_id);
CREATE INDEX messages_by_topic ON messages (topic_id, message_id);

CREATE TABLE topic_router_runs (
    message_id      bigint PRIMARY KEY,
    user_id         uuid NOT NULL,
    policy          text NOT NULL,
    rule            text NOT NULL,
    signals         jsonb NOT NULL,
    from_topic_id   uuid,
    to_topic_id     uuid NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (message_id, user_id) REFERENCES messages (message_id, user_id) ON DELETE CASCADE,
    FOREIGN KEY (to_topic_id, user_id) REFERENCES topics (topic_id, user_id)
);
CREATE INDEX topic_router_runs_by_topic ON topic_router_runs (to_topic_id, message_id);

CREATE TABLE topic_corrections (
    correction_id  uuid PRIMARY KEY,
    user_id        uuid NOT NULL,
    message_id     bigint NOT NULL,
    from_topic_id  uuid NOT NULL,
    to_topic_id    uuid NOT NULL,
    created_at     timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (message_id, user_id) REFERENCES messages (message_id, user_id) ON DELETE CASCADE,
    FOREIGN KEY (from_topic_id, user_id) REFERENCES topics (topic_id, user_id),
    FOREIGN KEY (to_topic_id, user_id) REFERENCES topics (topic_id, user_id)
);
CREATE INDEX topic_corrections_by_message ON topic_corrections (message_id);

CREATE TABLE topic_windows (
    topic_id       uuid NOT NULL,
    window_no      integer NOT NULL,
    user_id        uuid NOT NULL,
    start_id       bigint NOT NULL,
    end_id         bigint NOT NULL,
    message_count  integer NOT NULL,
    hash           bytea NOT NULL,
    PRIMARY KEY (topic_id, window_no),
    FOREIGN KEY (topic_id, user_id) REFERENCES topics (topic_id, user_id)
);
COMMENT ON TABLE topic_windows IS 'Full windows only; the last, growing one is hashed when it is read.';

CREATE TABLE turns (
    turn_id               uuid PRIMARY KEY,
    user_id               uuid NOT NULL,
    topic_id              uuid NOT NULL,
    user_message_id       bigint,
    assistant_message_id  bigint,
    retry_of              uuid,
    status                text NOT NULL DEFAULT 'queued' CHECK (status IN ('queued', 'running', 'completed', 'failed')),
    attempt               integer NOT NULL DEFAULT 0,
    last_seq              integer NOT NULL DEFAULT 0,
    lease_token           uuid,
    provider              text,
    model                 text,
    failure_class         text,
    input_tokens          integer,
    output_tokens         integer,
    request_id            text NOT NULL,
    created_at            timestamptz NOT NULL DEFAULT now(),
    ended_at              timestamptz,
    UNIQUE (turn_id, user_id),
    FOREIGN KEY (topic_id, user_id) REFERENCES topics (topic_id, user_id),
    FOREIGN KEY (user_message_id, user_id) REFERENCES messages (message_id, user_id) ON DELETE SET NULL (user_message_id),
    FOREIGN KEY (assistant_message_id, user_id) REFERENCES messages (message_id, user_id)
        ON DELETE SET NULL (assistant_message_id),
    FOREIGN KEY (retry_of, user_id) REFERENCES turns (turn_id, user_id)
);
CREATE INDEX turns_by_user_message ON turns (user_message_id);
CREATE UNIQUE INDEX turns_one_assistant_message ON turns (assistant_message_id);
CREATE UNIQUE INDEX turns_one_live_a_message ON turns (user_message_id) WHERE status IN ('queued', 'running', 'completed');

CREATE TABLE turn_events (
    turn_id     uuid NOT NULL,
    seq         integer NOT NULL,
    user_id     uuid NOT NULL,
    type        text NOT NULL CHECK (type IN ('turn.started', 'message.delta', 'turn.completed', 'turn.failed')),
    data        jsonb NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (turn_id, seq),
    FOREIGN KEY (turn_id, user_id) REFERENCES turns (turn_id, user_id)
);

-- The transactional outbox: nothing is enqueued that is not committed here first.
CREATE TABLE jobs (
    job_id       uuid PRIMARY KEY,
    user_id      uuid NOT NULL REFERENCES users,
    kind         text NOT NULL CHECK (kind IN ('turn', 'extract')),
    subject      uuid NOT NULL,
    status       text NOT NULL DEFAULT 'queued' CHECK (status IN ('queued', 'running', 'done', 'dead')),
    attempts     integer NOT NULL DEFAULT 0,
    cause        text NOT NULL,
    request_id   text NOT NULL,
    result       jsonb,
    failure_class text,
    lease_token  uuid,
    lease_until  timestamptz,
    due_at       timestamptz NOT NULL DEFAULT now(),
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now(),
    ended_at     timestamptz
);
COMMENT ON COLUMN jobs.due_at IS 'When a queue message for it is expected to be visible; the sweep counts from here.';
CREATE UNIQUE INDEX jobs_one_queued_extraction ON jobs (user_id, subject) WHERE kind = 'extract' AND status = 'queued';
CREATE INDEX jobs_open ON jobs (due_at) WHERE status IN ('queued', 'running');
CREATE INDEX jobs_by_subject ON jobs (subject, status);

CREATE TABLE idempotency_keys (
    user_id         uuid NOT NULL REFERENCES users,
    key             text NOT NULL,
    request_sha256  bytea NOT NULL,
    status_code     integer,
    response        jsonb,
    created_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, key)
);

CREATE TABLE card_extract_runs (
    run_id                   uuid PRIMARY KEY,
    user_id                  uuid NOT NULL,
    conversation_id          text NOT NULL,
    topic_id                 uuid,
    source_hash              bytea NOT NULL,
    status                   text NOT NULL CHECK (status IN ('running', 'finished', 'failed', 'superseded')),
    intended_provider        text NOT NULL,
    intended_model           text,
    prompt_version           text,
    rules_version            text NOT NULL,
    provider                 text,
    model                    text,
    fallback_used            boolean NOT NULL DEFAULT false,
    failure_class            text,
    attempt                  integer NOT NULL DEFAULT 1,
    lease_token              uuid,
    job_id                   uuid NOT NULL,
    request_id               text NOT NULL,
    cause                    text NOT NULL,
    revision                 bigint NOT NULL,
    messages_range_start_id  bigint NOT NULL,
    messages_range_end_id    bigint NOT NULL,
    message_count            integer NOT NULL,
    window_count             integer NOT NULL,
    cards_count              integer,
    cards_dropped            integer NOT NULL DEFAULT 0,
    card_set                 jsonb,
    latency_ms               integer,
    input_tokens             integer,
    output_tokens            integer,
    created_at               timestamptz NOT NULL DEFAULT now(),
    ended_at                 timestamptz,
    UNIQUE (run_id, user_id),
    CONSTRAINT card_extract_runs_topic_source UNIQUE (topic_id, user_id, source_hash),
    FOREIGN KEY (conversation_id, user_id) REFERENCES conversations (conversation_id, user_id),
    FOREIGN KEY (topic_id, user_id) REFERENCES topics (topic_id, user_id)
);
COMMENT ON COLUMN card_extract_runs.card_set IS 'The verified drafts, so that a topic that returns to this state gets them again; null once a cited message was deleted.';
-- The older, conversation-scoped rule, kept for rows written before topics.
CREATE UNIQUE INDEX card_extract_runs_conversation_source
    ON card_extract_runs (conversation_id, user_id, source_hash) WHERE topic_id IS NULL;
CREATE INDEX card_extract_runs_by_user ON card_extract_runs (user_id, run_id);

CREATE TABLE card_extract_attempts (
    run_id         uuid NOT NULL,
    attempt        integer NOT NULL,
    try_no         integer NOT NULL,
    user_id        uuid NOT NULL,
    provider       text NOT NULL,
    model          text,
    failure_class  text,
    latency_ms     integer NOT NULL,
    input_tokens   integer,
    output_tokens  integer,
    created_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (run_id, attempt, try_no),
    FOREIGN KEY (run_id, user_id) REFERENCES card_extract_runs (run_id, user_id)
);

CREATE TABLE cards (
    card_id          text PRIMARY KEY,
    user_id          uuid NOT NULL,
    conversation_id  text NOT NULL,
    topic_id         uuid NOT NULL,
    run_id           uuid NOT NULL,
    kind             text NOT NULL CHECK (kind IN ('insight', 'decision', 'question', 'action', 'fact', 'preference')),
    title            text,
    body             text NOT NULL,
    confidence       real NOT NULL CHECK (confidence BETWEEN 0 AND 1),
    position         integer NOT NULL,
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now(),
    UNIQUE (card_id, user_id),
    CHECK (card_id LIKE 't:' || topic_id || ':_%'),
    FOREIGN KEY (conversation_id, user_id) REFERENCES conversations (conversation_id, user_id),
    FOREIGN KEY (topic_id, user_id) REFERENCES topics (topic_id, user_id),
    FOREIGN KEY (run_id, user_id) REFERENCES card_extract_runs (run_id, user_id)
);
CREATE INDEX cards_by_topic ON cards (topic_id, position);

CREATE TABLE card_citations (
    card_id       text NOT NULL,
    position      integer NOT NULL,
    user_id       uuid NOT NULL,
    message_id    bigint NOT NULL,
    start_offset  integer NOT NULL CHECK (start_offset >= 0),
    end_offset    integer NOT NULL,
    quote_sha256  bytea NOT NULL,
    PRIMARY KEY (card_id, position),
    CHECK (end_offset > start_offset),
    FOREIGN KEY (card_id, user_id) REFERENCES cards (card_id, user_id) ON DELETE CASCADE,
    FOREIGN KEY (message_id, user_id) REFERENCES messages (message_id, user_id)
);
COMMENT ON TABLE card_citations IS 'Half-open code-point offsets into messages.content; the quote itself is never copied.';
CREATE INDEX card_citations_by_message ON card_citations (message_id);
