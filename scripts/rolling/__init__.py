"""Restarts every process under load and counts what fails: see `scripts/rolling_restart.py`."""
