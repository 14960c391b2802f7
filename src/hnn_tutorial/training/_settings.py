"""Checks that the settings of both optimisers share."""


def check_count(**values: int) -> None:
    """Raise ``ValueError`` for the first keyword whose value is not a positive integer."""
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ValueError(f"{name} = {value!r}; expected a positive integer")
