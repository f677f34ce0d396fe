"""The OpenAPI document as a promise: whether it is complete, and whether answers are what it says."""
