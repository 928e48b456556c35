"""Stand-in for `typing`: names that only a type checker reads."""

Any = NoReturn = object
