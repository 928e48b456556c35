"""What a progress notification says."""

from gateway.jobs.event_stream import Place, StreamEvent
from gateway.mcp.reporter import MOST_LINE_CHARACTERS, MOST_LINES, News

SEEN = "9/12 ready"


def event(name: str, text: str) -> StreamEvent:
    return StreamEvent(name, {"text": text, "at": "2026-11-24T13:44:00.000+00:00"}, Place())


def test_lines_are_told_when_they_are_whole_and_once() -> None:
    news = News()
    news.take(event("stdout", "one\ntw"))
    news.take(event("stderr", "warning\n"))
    assert news.arrived.is_set()
    assert news.message(1) == "one\nwarning"
    news.take(event("stdout", "o\n"))
    assert news.message(2) == "two"


def test_many_lines_are_told_by_the_newest_and_a_count() -> None:
    news = News()
    news.take(event("stdout", "".join(f"{number}\n" for number in range(MOST_LINES + 5))))
    first, *lines = news.message(1).split("\n")
    assert first == "(5 lines more)"
    assert lines == [str(number) for number in range(5, MOST_LINES + 5)]


def test_long_line_is_cut_and_an_endless_one_is_not_kept() -> None:
    news = News()
    news.take(event("stdout", "x" * 100_000))
    news.take(event("stdout", "y" * 100_000 + "\n"))
    assert len(news.message(1)) == MOST_LINE_CHARACTERS


def test_silence_is_told_by_what_was_seen_last() -> None:
    news = News()
    assert news.message(5) == "waiting for the command, 5 s so far"
    news.take(event("progress", SEEN))
    assert news.message(6) == SEEN
    assert not news.arrived.is_set()
    assert news.message(11) == f"{SEEN}, 11 s so far"


def test_what_is_known_already_is_told_at_once() -> None:
    news = News(SEEN)
    assert news.arrived.is_set()
    assert news.message(0) == f"{SEEN}, 0 s so far"


def test_state_of_the_job_is_no_news() -> None:
    news = News()
    news.take(StreamEvent("state", {"state": "running", "at": None}, Place()))
    assert not news.arrived.is_set()
