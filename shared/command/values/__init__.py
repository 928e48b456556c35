"""Decodes what a flag was given, by the flag's own type, as the CLI's flag library does it."""
