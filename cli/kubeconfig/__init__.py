"""The user's own kubeconfig, made self-contained: its programs are run and its files are read on this machine."""
