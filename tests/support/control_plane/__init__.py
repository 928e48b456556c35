"""A real Kubernetes control plane on loopback: etcd, API server, controller manager, scheduler, and KWOK for kubelets.

Nothing in it is faked but the nodes: KWOK writes what a kubelet would report, and answers for it, and no
container ever runs.
"""

from tests.support.control_plane.control_plane import ControlPlane

__all__ = ["ControlPlane"]
