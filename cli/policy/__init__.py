"""`mcp-k8s policy`: what the policy says of a command."""
