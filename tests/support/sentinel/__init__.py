"""Servers and sentinels as real processes: a primary that tests end in every way, and the replica that takes over."""
