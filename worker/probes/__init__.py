"""How a worker tells whether it is well."""
