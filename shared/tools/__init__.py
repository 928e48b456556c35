"""The CLIs that the product runs: one folder a tool, and the registry that lists them."""
