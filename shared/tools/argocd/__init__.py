"""The tool argocd: its grammar, classes and hints."""
