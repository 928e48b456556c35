"""The code that gateway and worker share: models, job store, sealing, command grammar, settings."""

__version__ = "0.1.0"
