"""Measures how fast events go, see scripts/bench-events."""
