"""The checks of `make lint` that are Florin's own."""
