"""Which rights each kernel can be asked to deny. That it denies them is tested with real processes."""

import pytest

from worker.launcher import landlock


@pytest.mark.parametrize(
    ("abi", "unknown"),
    [
        (1, landlock.REFER | landlock.TRUNCATE | landlock.IOCTL_DEV),
        (2, landlock.TRUNCATE | landlock.IOCTL_DEV),
        (3, landlock.IOCTL_DEV),
        (4, landlock.IOCTL_DEV),
        (5, 0),
        (7, 0),
    ],
)
def test_rights_unknown_to_an_abi_are_left_out(abi: int, unknown: int) -> None:
    assert landlock.handled_rights(abi) == landlock.ALL_FILE_RIGHTS & ~unknown


def test_abi_is_a_number_everywhere() -> None:
    assert landlock.abi() >= 0
