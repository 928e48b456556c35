"""Probes and metrics of a worker."""
