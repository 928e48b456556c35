"""Results and output as text for models."""
