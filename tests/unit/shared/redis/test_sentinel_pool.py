"""What a pool does with a primary that others have found. It connects to nothing here."""

from shared.network import redis_address
from shared.redis.sentinel_pool import SentinelPool
from shared.redis.sentinels import Primary

NEW = Primary("new", 1, epoch=5, replicas=1, replicas_up=1)
OLD = Primary("old", 1, epoch=4, replicas=1, replicas_up=1)
ANEW = Primary("old", 1, epoch=0, replicas=1, replicas_up=1, is_anew=True)


def pool() -> SentinelPool:
    return SentinelPool(redis_address.parse("redis+sentinel://127.0.0.1:1/jobs"))


def test_older_answer_does_not_undo_a_newer_one() -> None:
    own = pool()
    own.follow(NEW)

    assert not own.follow(OLD)
    assert own.master_address == NEW.place


def test_older_answer_counts_if_the_sentinels_were_set_up_anew() -> None:
    own = pool()
    own.follow(NEW)
    own.follow(ANEW)

    assert own.master_address == ANEW.place
