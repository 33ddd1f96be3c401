"""Routing replays: what another policy would have decided over a user's history. Nothing is changed by them."""
