"""Takes calls over HTTP and MCP and queues them as jobs. It runs no command itself."""
