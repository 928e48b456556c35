"""Callers' kubeconfigs: decoded, checked field by field, and rebuilt."""
