"""Recorded runs of agents, as other tools write them, as trace events. `model.Format` is what a format must be."""
