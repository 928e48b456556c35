"""From a request to a prepared call: its command, kubeconfig, files and credentials."""
