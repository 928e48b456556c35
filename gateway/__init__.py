"""HTTP and MCP in, jobs out. Holds no CLI and never runs one."""
