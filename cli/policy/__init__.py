"""`mcp-k8s policy`: explains how the policy judges a command, and checks files of rules."""
