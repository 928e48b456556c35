"""The `mcp-k8s` command and its sub-commands."""
