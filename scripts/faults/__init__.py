"""The fault suite: a load with a ledger, faults by a seeded plan, and a count at the end."""
