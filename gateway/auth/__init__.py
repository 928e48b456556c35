"""Identifies the caller of each request."""
