"""Seals requests and outputs in Redis, and holds the keys for it."""
