"""The one way from a command to the network: the worker's own SOCKS5 proxy, which resolves, checks and dials itself."""
