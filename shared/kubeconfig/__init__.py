"""Kubeconfigs of callers: decoded, checked field by field, and rebuilt."""
