-- depends: 0005.kept-cards
-- Merging and splitting topics and moving messages between them, each recorded so that it can be undone.

ALTER TABLE topics
    ADD COLUMN merged_into uuid,
    ADD FOREIGN KEY (merged_into, user_id) REFERENCES topics (topic_id, user_id),
    ADD CHECK (merged_into IS NULL OR (status = 'archived' AND merged_into <> topic_id));
COMMENT ON COLUMN topics.merged_into IS 'Where its messages went; null again once it is used again.';

CREATE TABLE topic_operations (
    operation_id    uuid PRIMARY KEY,
    user_id         uuid NOT NULL,
    kind            text NOT NULL CHECK (kind IN ('merge', 'split', 'move')),
    from_topic_id   uuid,
    to_topic_id     uuid NOT NULL,
    message_count   integer NOT NULL,
    was_active      boolean NOT NULL,
    from_status     text CHECK (from_status IN ('active', 'archived')),
    to_status       text NOT NULL CHECK (to_status IN ('active', 'archived')),
    request_id      text NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    undone_at       timestamptz,
    undone_moved    integer,
    undone_skipped  integer,
    UNIQUE (operation_id, user_id),
    FOREIGN KEY (from_topic_id, user_id) REFERENCES topics (topic_id, user_id),
    FOREIGN KEY (to_topic_id, user_id) REFERENCES topics (topic_id, user_id)
);
COMMENT ON COLUMN topic_operations.from_topic_id IS 'Null for messages moved from several topics, or from none.';
COMMENT ON COLUMN topic_operations.was_active IS 'Whether from_topic_id was the active topic before; with the status of both, what undoing restores.';
CREATE INDEX topic_operations_by_user ON topic_operations (user_id, operation_id);

-- A correction is one message of an operation or, the other way round, of its undoing. Numbers rise in the order of
-- commitment, as their writers hold the conversation: the last correction of a message says where it belongs.
ALTER TABLE topic_corrections
    ADD COLUMN correction_no bigint GENERATED ALWAYS AS IDENTITY,
    ADD COLUMN operation_id uuid,
    ADD FOREIGN KEY (operation_id, user_id) REFERENCES topic_operations (operation_id, user_id);
COMMENT ON COLUMN topic_corrections.operation_id IS 'Null for messages moved before operations were recorded.';
DROP INDEX topic_corrections_by_message;
CREATE INDEX topic_corrections_by_message ON topic_corrections (message_id, correction_no);
CREATE INDEX topic_corrections_by_operation ON topic_corrections (operation_id, from_topic_id);

ALTER TABLE topic_operations ENABLE ROW LEVEL SECURITY;
ALTER TABLE topic_operations FORCE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON topic_operations TO glia_app
    USING (user_id = current_user_id()) WITH CHECK (user_id = current_user_id());
GRANT SELECT, INSERT, UPDATE ON topic_operations TO glia_app;
