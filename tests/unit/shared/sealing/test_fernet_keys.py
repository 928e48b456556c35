import time
from contextlib import nullcontext
from dataclasses import replace

import pytest
from cryptography.fernet import Fernet

from shared.models import JobId
from shared.sealing.fernet_keys import DataKey, JobIdentity, MasterKeys, Purpose, SealError

IDENTITY = JobIdentity(JobId("0" * 31 + "1"), "alice")
OTHER_JOB = replace(IDENTITY, job_id=JobId("0" * 31 + "2"))
OTHER_PRINCIPAL = replace(IDENTITY, principal="bob")
SECRET = b"apiVersion: v1\nusers: [secret-token]"


@pytest.fixture
def raw_key() -> bytes:
    return Fernet.generate_key()


def test_sealed_payload_opens_in_its_place(raw_key: bytes) -> None:
    key = DataKey(raw_key, IDENTITY)

    assert key.open(key.seal(SECRET, Purpose.EVENT, 7), Purpose.EVENT, 7) == SECRET


def test_sealed_value_shows_nothing_of_its_payload(raw_key: bytes) -> None:
    sealed = DataKey(raw_key, IDENTITY).seal(SECRET, Purpose.REQUEST)

    assert b"secret-token" not in sealed
    assert b"alice" not in sealed


@pytest.mark.parametrize(
    "payload", [b"", b"\n", b"\x00\xff", b'[1, "x"]\n' * 2], ids=["empty", "line", "binary", "json"]
)
def test_payload_of_any_bytes_comes_back_unchanged(raw_key: bytes, payload: bytes) -> None:
    key = DataKey(raw_key, IDENTITY)

    assert key.open(key.seal(payload, Purpose.REQUEST), Purpose.REQUEST) == payload


@pytest.mark.parametrize("identity", [OTHER_JOB, OTHER_PRINCIPAL], ids=["job", "principal"])
def test_value_of_another_identity_is_refused(raw_key: bytes, identity: JobIdentity) -> None:
    sealed = DataKey(raw_key, IDENTITY).seal(SECRET, Purpose.REQUEST)

    with pytest.raises(SealError):
        DataKey(raw_key, identity).open(sealed, Purpose.REQUEST)


def test_value_of_another_purpose_is_refused(raw_key: bytes) -> None:
    key = DataKey(raw_key, IDENTITY)

    with pytest.raises(SealError):
        key.open(key.seal(SECRET, Purpose.EVENT), Purpose.RESPONSE)


@pytest.mark.parametrize(("sealed_as", "opened_as"), [(1, 2), (1, 11), (11, 1)])
def test_value_of_another_sequence_is_refused(raw_key: bytes, sealed_as: int, opened_as: int) -> None:
    key = DataKey(raw_key, IDENTITY)

    with pytest.raises(SealError):
        key.open(key.seal(SECRET, Purpose.EVENT, sealed_as), Purpose.EVENT, opened_as)


def test_value_of_another_key_is_refused() -> None:
    sealed = DataKey.generate(IDENTITY).seal(SECRET, Purpose.REQUEST)

    with pytest.raises(SealError):
        DataKey.generate(IDENTITY).open(sealed, Purpose.REQUEST)


@pytest.mark.parametrize(
    "token", [b"", b"no token", b"\xff\xfe", b"gAAAAA=="], ids=["empty", "text", "binary", "short"]
)
def test_what_was_never_sealed_is_refused(raw_key: bytes, token: bytes) -> None:
    with pytest.raises(SealError):
        DataKey(raw_key, IDENTITY).open(token, Purpose.REQUEST)


def test_altered_value_is_refused(raw_key: bytes) -> None:
    key = DataKey(raw_key, IDENTITY)
    sealed = bytearray(key.seal(SECRET, Purpose.REQUEST))
    sealed[20] ^= 1

    with pytest.raises(SealError):
        key.open(bytes(sealed), Purpose.REQUEST)


def sealed_ago(raw_key: bytes, age_s: int) -> bytes:
    payload = IDENTITY.binding(Purpose.REQUEST) + SECRET
    return Fernet(raw_key).encrypt_at_time(payload, int(time.time()) - age_s)


def test_value_that_is_too_old_is_told(raw_key: bytes) -> None:
    key = DataKey(raw_key, IDENTITY)

    key.check_age(sealed_ago(raw_key, 1_800), max_s=3_600)
    with pytest.raises(SealError):
        key.check_age(sealed_ago(raw_key, 3_600), max_s=1_800)


@pytest.mark.parametrize(("ahead_s", "is_told"), [(30, False), (120, True)])
def test_value_from_the_future_is_told(raw_key: bytes, ahead_s: int, is_told: bool) -> None:
    key, token = DataKey(raw_key, IDENTITY), sealed_ago(raw_key, -ahead_s)

    with pytest.raises(SealError) if is_told else nullcontext():
        key.check_age(token, max_s=3_600)


def test_time_cannot_be_changed_without_the_key(raw_key: bytes) -> None:
    key, token = DataKey(raw_key, IDENTITY), sealed_ago(raw_key, 3_600)
    fresh = sealed_ago(raw_key, 0)

    with pytest.raises(SealError):
        key.open(fresh[:12] + token[12:], Purpose.REQUEST)


def test_wrapped_key_opens_what_the_key_sealed() -> None:
    master = MasterKeys([MasterKeys.generate()])
    key = DataKey.generate(IDENTITY)

    unwrapped = master.unwrap(key.wrap(master, Purpose.REQUEST_KEY), IDENTITY, Purpose.REQUEST_KEY)

    assert unwrapped.open(key.seal(SECRET, Purpose.REQUEST), Purpose.REQUEST) == SECRET


@pytest.mark.parametrize(
    ("identity", "purpose"),
    [
        pytest.param(OTHER_JOB, Purpose.REQUEST_KEY, id="job"),
        pytest.param(OTHER_PRINCIPAL, Purpose.REQUEST_KEY, id="principal"),
        pytest.param(IDENTITY, Purpose.OUTPUT_KEY, id="purpose"),
    ],
)
def test_wrapped_key_is_refused_elsewhere(identity: JobIdentity, purpose: Purpose) -> None:
    master = MasterKeys([MasterKeys.generate()])
    wrapped = DataKey.generate(IDENTITY).wrap(master, Purpose.REQUEST_KEY)

    with pytest.raises(SealError):
        master.unwrap(wrapped, identity, purpose)


def test_key_wrapped_by_an_old_master_key_opens_after_rotation() -> None:
    old, new = MasterKeys.generate(), MasterKeys.generate()
    wrapped = DataKey.generate(IDENTITY).wrap(MasterKeys([old]), Purpose.REQUEST_KEY)

    MasterKeys([new, old]).unwrap(wrapped, IDENTITY, Purpose.REQUEST_KEY)


def test_newest_master_key_wraps() -> None:
    old, new = MasterKeys.generate(), MasterKeys.generate()
    wrapped = DataKey.generate(IDENTITY).wrap(MasterKeys([new, old]), Purpose.REQUEST_KEY)

    MasterKeys([new]).unwrap(wrapped, IDENTITY, Purpose.REQUEST_KEY)
    with pytest.raises(SealError):
        MasterKeys([old]).unwrap(wrapped, IDENTITY, Purpose.REQUEST_KEY)


def test_removed_master_key_no_longer_opens() -> None:
    wrapped = DataKey.generate(IDENTITY).wrap(MasterKeys([MasterKeys.generate()]), Purpose.REQUEST_KEY)

    with pytest.raises(SealError):
        MasterKeys([MasterKeys.generate()]).unwrap(wrapped, IDENTITY, Purpose.REQUEST_KEY)


@pytest.mark.parametrize(
    "keys", [[], [""], ["short"], ["é" * 44], ["A" * 43 + "=", "short"]], ids=["none", "empty", "short", "text", "one"]
)
def test_unusable_master_keys_are_refused(keys: list[str]) -> None:
    with pytest.raises(ValueError, match=r".*") as caught:
        MasterKeys(keys)

    assert "short" not in str(caught.value)


def test_no_key_shows_in_text_or_in_errors() -> None:
    master_key = MasterKeys.generate()
    master, raw_key = MasterKeys([master_key]), Fernet.generate_key()
    key = DataKey(raw_key, IDENTITY)
    with pytest.raises(SealError) as caught:
        key.open(DataKey.generate(IDENTITY).seal(SECRET, Purpose.REQUEST), Purpose.REQUEST)

    texts = [repr(master), str(master), repr(key), str(key), repr(caught.value), repr(caught.value.__cause__)]
    for secret in (master_key, raw_key.decode(), "secret-token"):
        assert not [text for text in texts if secret in text]


def test_fingerprint_is_the_newest_keys_and_there_is_one_by_each() -> None:
    old, new = MasterKeys.generate(), MasterKeys.generate()
    both = MasterKeys([new, old])
    alone = [MasterKeys([key]).fingerprint("job id", "a") for key in (new, old)]

    assert both.fingerprints("job id", "a") == alone
    assert both.fingerprint("job id", "a") == alone[0] != alone[1]
    assert [each.fingerprint("job id", "a") for each in both.each()] == alone


def test_replaced_keys_open_what_they_sealed_and_no_more() -> None:
    old, new = MasterKeys.generate(), MasterKeys.generate()
    master = MasterKeys([old])
    wrapped = DataKey.generate(IDENTITY).wrap(master, Purpose.REQUEST_KEY)
    mark = master.seal_mark()

    master.replace([new])

    assert not master.opens_mark(mark)
    with pytest.raises(SealError):
        master.unwrap(wrapped, IDENTITY, Purpose.REQUEST_KEY)
    with pytest.raises(ValueError, match="no master key"):
        master.replace([])
    assert master.opens_mark(master.seal_mark())


def test_fingerprint_tells_purposes_and_parts_apart() -> None:
    master = MasterKeys([MasterKeys.generate()])

    prints = {master.fingerprint(*parts) for parts in [("a", "b", "c"), ("a", "bc"), ("ab", "c"), ("a", "c", "b")]}
    assert len(prints) == 4
