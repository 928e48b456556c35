"""A real Argo CD on a real control plane: server, repo-server, application controller, and a git repository."""

from tests.support.argo_cd.argo_cd import ArgoCd

__all__ = ["ArgoCd"]
