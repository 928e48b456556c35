"""What tests, bench and the demonstration run against: not part of the product."""
