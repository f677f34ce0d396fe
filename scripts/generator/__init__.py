"""Writes what follows from the contracts: C, Swift, the OpenAPI document and the event catalogue."""
