"""Formats results and output as text for models."""
