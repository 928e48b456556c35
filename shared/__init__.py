"""What gateway and worker must agree on: models, job store, sealing, command grammar, settings."""

__version__ = "0.1.0"
