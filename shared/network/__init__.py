"""Hosts and addresses: their spellings, and those to which no connection is allowed."""
