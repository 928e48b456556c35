"""The user's own kubeconfig, made self-contained: programs run here, files read here."""
