"""Whether a message turns to another topic: what is read of messages, and the table fitted on labelled chat. Pure."""
