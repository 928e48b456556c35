"""How many replicas must have a write: those that may become the primary, as far as server and sentinels tell."""

from shared.redis.replicas import MEMORY_S, KnownReplicas, Replicas

PRIMARY = ("10.0.0.1", 6379)
TWO_UP = KnownReplicas(PRIMARY, expected=True, up=2)


class Scene:
    """What sentinels know at the moment, and a clock that a test moves."""

    def __init__(self, known: KnownReplicas = TWO_UP) -> None:
        self.known = known
        self.now_s = 1_000.0
        self.replicas = Replicas(lambda: self.known, clock_s=lambda: self.now_s)

    def seen(self, *connected: int, after_s: float = 0) -> int:
        """How many must acknowledge when the server has told these numbers, one after the other."""
        self.now_s += after_s
        for each in connected:
            self.replicas.seen(each)
        return self.replicas.needed


def test_nobody_must_acknowledge_where_nobody_follows() -> None:
    assert Replicas().needed == 0
    assert Scene(KnownReplicas()).seen(0) == 0


def test_one_must_acknowledge_without_sentinel_however_many_follow() -> None:
    assert Scene(KnownReplicas()).seen(2) == 1


def test_one_must_acknowledge_where_all_that_sentinel_knows_are_away() -> None:
    assert Scene(KnownReplicas(PRIMARY, expected=True, up=0)).seen(0) == 1


def test_each_that_follows_must_acknowledge_behind_sentinel() -> None:
    assert Scene().seen(2) == 2


def test_one_that_is_being_promoted_still_counts() -> None:
    """It has left the primary, which does not know yet that it is none any more."""
    scene = Scene()
    assert scene.seen(2, 1) == 2
    assert scene.seen(1, after_s=MEMORY_S / 2) == 2


def test_one_that_has_left_does_not_count_for_ever() -> None:
    scene = Scene()
    scene.seen(2)
    assert scene.seen(1, after_s=MEMORY_S + 1) == 1


def test_number_of_long_ago_counts_where_nothing_was_asked_since() -> None:
    scene = Scene()
    scene.seen(2)
    scene.now_s += 10 * MEMORY_S
    assert scene.replicas.needed == 2


def test_one_that_has_left_and_is_down_does_not_count() -> None:
    scene = Scene()
    scene.seen(2, 1)
    scene.now_s += 2
    scene.known = KnownReplicas(PRIMARY, expected=True, up=1, asked_at_s=scene.now_s)
    assert scene.seen(1) == 1


def test_one_that_follows_counts_although_sentinel_last_heard_that_it_was_down() -> None:
    scene = Scene(KnownReplicas(PRIMARY, expected=True, up=1, asked_at_s=1_000))
    assert scene.seen(2) == 2
    assert scene.seen(1, after_s=1) == 2, "nor does that count when it leaves"


def test_replicas_of_the_primary_before_do_not_count() -> None:
    scene = Scene()
    scene.seen(2)
    scene.known = KnownReplicas(("10.0.0.2", 6379), expected=True, up=2)
    assert scene.seen(1) == 1
