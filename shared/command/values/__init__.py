"""Decodes the values of flags by the flags' types, as the CLI's flag library does."""
