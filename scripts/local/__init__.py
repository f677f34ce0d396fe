"""Runs Florin's servers and processes on one machine, without containers and without systemd."""
