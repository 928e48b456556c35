import pytest
from redis.asyncio import Redis

from shared.store.job_store import JobStore
from tests.support.jobs import Jobs


@pytest.fixture
def jobs(redis: Redis) -> Jobs:
    return Jobs(redis)


@pytest.fixture
def store(jobs: Jobs) -> JobStore:
    return jobs.store
