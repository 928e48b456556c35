"""All tests, and in `support` what they are run against."""
