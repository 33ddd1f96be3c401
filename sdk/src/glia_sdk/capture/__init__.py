"""Capture: the AI steps of a program, recorded as runs and sent to Glia. Standard library only on the way there."""
