import pytest

from worker.machine.containment import Containment


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (
            Containment(7, has_seccomp=True, has_no_new_privileges=True, has_nameless_files=True),
            "Landlock ABI 7, seccomp, no-new-privileges, egress proxy, memfd",
        ),
        (
            Containment(3, has_seccomp=False, has_no_new_privileges=True, has_nameless_files=True),
            "Landlock ABI 3, no-new-privileges, egress proxy (not enforced), memfd",
        ),
        (
            Containment(7, has_seccomp=False, has_no_new_privileges=True, has_nameless_files=True),
            "Landlock ABI 7, no-new-privileges, egress proxy (not enforced), memfd",
        ),
        (
            Containment(0, has_seccomp=True, has_no_new_privileges=False, has_nameless_files=False),
            "no sandbox: this system has no Landlock (Linux 5.13 and later have it); egress proxy (not enforced)",
        ),
    ],
)
def test_what_is_active_is_said(found: Containment, said: str) -> None:
    assert str(found) == said
