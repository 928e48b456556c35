"""Connections to Redis or Valkey, and checks of the server's configuration."""
