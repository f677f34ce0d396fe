"""The one error that is shown to the user without a trace back."""


class Problem(Exception):
    """Something that the user can put right; its text says what and how."""
