"""What counts as a round trip: messages that may have caused each other, and nothing that overlaps or stands apart."""

from bench.redis_relay import Message
from bench.round_trips import longest_chain

GATEWAY, WORKER = 1, 2


def command(pid: int, name: str = "EVALSHA") -> Message:
    return Message(0, pid, name, None, is_command=True)


def answer(to: Message) -> Message:
    return Message(0, to.pid, to.command, to, is_command=False)


def notice(pid: int) -> Message:
    return Message(0, pid, "", None, is_command=False)


def trips(*messages: Message) -> float:
    return longest_chain(messages, GATEWAY) / 2


def test_commands_after_each_other_count_each() -> None:
    first, second = command(GATEWAY), command(GATEWAY)
    assert trips(first, answer(first), second, answer(second)) == 2


def test_pipeline_and_parallel_connections_count_once() -> None:
    first, second = command(GATEWAY), command(GATEWAY)
    assert trips(first, second, answer(first), answer(second)) == 1


def test_wake_up_and_notice_count_half_each() -> None:
    parked, submit, take, settle = command(WORKER, "BLMPOP"), command(GATEWAY), command(WORKER), command(WORKER)
    call = (submit, answer(parked), answer(submit), take, answer(take), settle, notice(GATEWAY), answer(settle))
    assert trips(*call) == 3


def test_commands_of_a_worker_that_the_call_did_not_cause_do_not_count() -> None:
    renewal, submit = command(WORKER), command(GATEWAY)
    assert trips(renewal, answer(renewal), submit, answer(submit)) == 1


def test_what_is_still_on_its_way_when_the_answer_is_out_does_not_count() -> None:
    submit, take = command(GATEWAY), command(WORKER)
    assert trips(submit, answer(command(WORKER, "BLPOP")), take, notice(GATEWAY), answer(submit), answer(take)) == 2
