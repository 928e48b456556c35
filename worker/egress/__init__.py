"""The only way from a command to the network: the worker's SOCKS5 proxy, which resolves, checks and dials itself."""
