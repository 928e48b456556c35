"""Programs that `make` needs. Nothing here is shipped, and none of the product's packages imports it."""
