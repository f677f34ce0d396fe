"""Tests of the scripts; `make test` runs them."""
