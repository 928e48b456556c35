"""The `mcp-k8s` command: what people start by hand."""
