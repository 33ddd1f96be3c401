-- depends: 0011.traces
-- A message's long text is kept by itself, so that a tool's answer and the message that tells it share it.

ALTER TABLE trace_contents DROP CONSTRAINT trace_contents_check;
ALTER TABLE trace_contents ADD CONSTRAINT trace_contents_check CHECK (body IS NOT NULL OR items IS NOT NULL);
COMMENT ON COLUMN trace_contents.content_hash IS 'The first half of a SHA-256: of the canonical, redacted JSON; of a message that is kept without its text, or of a block, of what it is made of.';
COMMENT ON COLUMN trace_contents.items IS 'With a body: the text of this message. Without: a block, sixteen messages in a row, as conversations that are sent again and again repeat them.';
