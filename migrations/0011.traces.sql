-- depends: 0010.artifacts
-- Traces: runs, their ordered events, the steps made of them, contents kept once a user, and what refers to artifacts.
-- Run ids are the clients' own, so every key begins with the user.

CREATE TABLE trace_keys (
    user_id       uuid PRIMARY KEY REFERENCES users,
    conflict_key  bytea NOT NULL,
    signing_key   bytea NOT NULL DEFAULT decode(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex'),
    created_at    timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN trace_keys.signing_key IS 'The user''s own key of call signatures: clients fetch it, the server signs nothing with it.';
COMMENT ON TABLE trace_keys IS 'The key under which events are fingerprinted as received. Ingestion holds the row FOR SHARE, erasure FOR UPDATE.';

CREATE TABLE trace_runs (
    user_id                 uuid NOT NULL REFERENCES users,
    run_id                  uuid NOT NULL,
    status                  text NOT NULL DEFAULT 'running' CHECK (status IN ('running', 'completed', 'failed', 'partial')),
    name                    text,
    service                 text,
    framework               text,
    tags                    text[] NOT NULL DEFAULT '{}',
    parent_run_id           uuid,
    parent_step_id          uuid,
    sequence_source         text NOT NULL,
    health                  text[] NOT NULL DEFAULT '{}',
    next_sequence_no        bigint NOT NULL DEFAULT 0,
    max_sequence_no         bigint NOT NULL DEFAULT -1,
    event_count             bigint NOT NULL DEFAULT 0,
    step_count              integer NOT NULL DEFAULT 0,
    incomplete_count        integer NOT NULL DEFAULT 0,
    failed_count            integer NOT NULL DEFAULT 0,
    input_tokens            bigint NOT NULL DEFAULT 0,
    output_tokens           bigint NOT NULL DEFAULT 0,
    cost                    numeric(20, 9) NOT NULL DEFAULT 0,
    models                  text[] NOT NULL DEFAULT '{}',
    kinds                   text[] NOT NULL DEFAULT '{}',
    started_sequence_no     bigint,
    started_at              timestamptz,
    completed_sequence_no   bigint,
    last_sequence_no        bigint,
    declared_status         text,
    ended_at                timestamptz,
    completed_at            timestamptz,
    received_at             timestamptz NOT NULL DEFAULT now(),
    closes_at               timestamptz NOT NULL,
    closed_at               timestamptz,
    privacy_override        text,
    privacy_overridden_at   timestamptz,
    PRIMARY KEY (user_id, run_id)
);
CREATE INDEX trace_runs_by_time ON trace_runs (user_id, received_at, run_id);
CREATE INDEX trace_runs_open ON trace_runs (closes_at) WHERE closed_at IS NULL;
COMMENT ON COLUMN trace_runs.next_sequence_no IS 'The lowest gap: all events below it are there. What lies beyond is held until it fills or the run closes.';
COMMENT ON COLUMN trace_runs.declared_status IS 'How run.completed says that the run ended; with last_sequence_no, the last event there is.';
COMMENT ON COLUMN trace_runs.completed_at IS 'When run.completed came: the late window begins.';

CREATE TABLE trace_events (
    user_id          uuid NOT NULL,
    run_id           uuid NOT NULL,
    sequence_no      bigint NOT NULL CHECK (sequence_no >= 0),
    event_type       text NOT NULL,
    step_id          uuid,
    parent_step_id   uuid,
    kind             text,
    name             text NOT NULL,
    ts               timestamptz NOT NULL,
    received_at      timestamptz NOT NULL DEFAULT now(),
    sequence_source  text NOT NULL,
    attributes       jsonb NOT NULL,
    contents         uuid[],
    bytes            integer NOT NULL,
    artifact_refs    jsonb,
    call_signature   text,
    redaction        jsonb NOT NULL,
    fingerprint      bytea NOT NULL,
    PRIMARY KEY (user_id, run_id, sequence_no)
);
COMMENT ON TABLE trace_events IS 'Written and erased only under the lock of their run, so no foreign key is checked row by row: that costs a tenth of ingestion.';
COMMENT ON COLUMN trace_events.contents IS 'What the placeholders in attributes stand for, in order: trace_contents of the same user.';
COMMENT ON COLUMN trace_events.bytes IS 'Of the attributes as JSON, contents included.';
COMMENT ON COLUMN trace_events.fingerprint IS 'The first half of the HMAC-SHA256 of the event as received, before redaction: tells a resend from a conflict.';

CREATE TABLE trace_steps (
    user_id              uuid NOT NULL,
    run_id               uuid NOT NULL,
    step_id              uuid NOT NULL,
    parent_step_id       uuid,
    kind                 text,
    name                 text NOT NULL,
    status               text NOT NULL CHECK (status IN ('incomplete', 'completed', 'failed')),
    first_sequence_no    bigint NOT NULL,
    started_sequence_no  bigint,
    ended_sequence_no    bigint,
    starts               integer NOT NULL,
    ends                 integer NOT NULL,
    is_failed            boolean,
    started_at           timestamptz,
    ended_at             timestamptz,
    first_chunk_at       timestamptz,
    chunk_count          integer NOT NULL,
    model                text,
    tool                 text,
    error_type           text,
    input_tokens         bigint,
    output_tokens        bigint,
    cost                 numeric(20, 9),
    PRIMARY KEY (user_id, run_id, step_id)
);
COMMENT ON TABLE trace_steps IS 'Derived: all that is visible of the events of one step_id, in their order; the first that says something holds.';

CREATE TABLE trace_contents (
    user_id       uuid NOT NULL REFERENCES users,
    content_hash  uuid NOT NULL,
    body          text,
    items         uuid[],
    bytes         integer NOT NULL,
    PRIMARY KEY (user_id, content_hash),
    CHECK ((body IS NULL) <> (items IS NULL))
);
COMMENT ON COLUMN trace_contents.content_hash IS 'The first half of the SHA-256 of the canonical, redacted JSON.';
COMMENT ON COLUMN trace_contents.items IS 'A block: sixteen messages in a row, as conversations that are sent again and again repeat them.';

CREATE TABLE trace_content_refs (
    user_id       uuid NOT NULL,
    content_hash  uuid NOT NULL,
    run_id        uuid NOT NULL,
    PRIMARY KEY (user_id, run_id, content_hash),
    FOREIGN KEY (user_id, run_id) REFERENCES trace_runs (user_id, run_id) ON DELETE CASCADE,
    FOREIGN KEY (user_id, content_hash) REFERENCES trace_contents (user_id, content_hash)
);
CREATE INDEX trace_content_refs_by_content ON trace_content_refs (user_id, content_hash);
COMMENT ON TABLE trace_content_refs IS 'Which runs use a content: it goes with the last of them.';

CREATE TABLE artifact_refs (
    user_id      uuid NOT NULL,
    run_id       uuid NOT NULL,
    sequence_no  bigint NOT NULL,
    position     integer NOT NULL,
    artifact_id  uuid,
    upload_id    uuid,
    role         text NOT NULL,
    PRIMARY KEY (user_id, run_id, sequence_no, position),
    FOREIGN KEY (user_id, run_id, sequence_no) REFERENCES trace_events (user_id, run_id, sequence_no) ON DELETE CASCADE
);
CREATE INDEX artifact_refs_by_artifact ON artifact_refs (user_id, artifact_id) WHERE artifact_id IS NOT NULL;
CREATE INDEX artifact_refs_by_upload ON artifact_refs (user_id, upload_id) WHERE upload_id IS NOT NULL;

DO $$
DECLARE t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['trace_keys', 'trace_runs', 'trace_events', 'trace_steps', 'trace_contents',
        'trace_content_refs', 'artifact_refs']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY own_rows ON %I TO glia_app '
                       'USING (user_id = current_user_id()) WITH CHECK (user_id = current_user_id())', t);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO glia_app', t);
    END LOOP;
END $$;

-- The sweep sees which open runs are due to close, and nothing of what they hold; it closes them as their user.
CREATE POLICY system_due ON trace_runs FOR SELECT TO glia_system USING (closed_at IS NULL AND closes_at <= now());
GRANT SELECT (user_id, run_id, closes_at, closed_at) ON trace_runs TO glia_system;
