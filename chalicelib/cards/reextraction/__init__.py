"""Batch re-extraction: topics chosen by a filter are extracted again, or a preview shows what would change."""
