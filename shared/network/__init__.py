"""Hosts and addresses: how they are spelled, and to which of them connections are refused."""
