"""Hosts and addresses: how they are written, and which of them nothing may connect to."""
