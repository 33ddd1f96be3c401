"""Importing history that was written elsewhere: reading exports, sending them in batches, going on where it stopped."""
