"""Turns a request into a prepared call: checks its command, kubeconfig, files and credentials."""
