"""The stub's gateway and worker, started as users that can inspect only dumpable processes.

`python -m tests.support.without_ptrace gateway|worker`. Root may look into all of them: the capabilities for it are
taken away for good (capabilities(7)), so that ptrace(2)'s rules hold between two processes that were started so.
"""

import ctypes
import os
import sys
from collections.abc import Sequence

PR_CAPBSET_DROP = 24
CAPABILITIES = {"CAP_SYS_PTRACE": 19, "CAP_SYS_ADMIN": 21, "CAP_PERFMON": 38}
"""The second stands in for the third, which since Linux 6.13 reads what PTRACE_MODE_READ does."""


def become(arguments: Sequence[str]) -> None:
    """Goes on as Python with these arguments."""
    if os.geteuid() == 0:
        libc = ctypes.CDLL(None, use_errno=True)
        for name, number in CAPABILITIES.items():
            if libc.prctl(PR_CAPBSET_DROP, number, 0, 0, 0) != 0:
                sys.exit(f"{name} cannot be dropped: {os.strerror(ctypes.get_errno())}")
    os.execv(sys.executable, [sys.executable, *arguments])


if __name__ == "__main__":
    become(["-m", "tests.support.stub", *sys.argv[1:]])
