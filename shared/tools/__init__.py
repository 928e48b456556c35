"""The CLIs that the product runs: one module a tool, and the registry that lists them."""
