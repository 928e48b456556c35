"""The connection to Redis or Valkey, and what is expected of the server."""
