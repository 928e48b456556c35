"""argocd: its grammar, classes and version command."""
