"""Jobs in, sandboxed processes out. Never imports the gateway."""
