"""What an operator lets callers run. It loosens verbs, never what contains them."""
