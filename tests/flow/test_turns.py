"""Fresh deliveries and due ones take turns: neither waits for all of the other, however many there are."""

from commands_test import begun, daemon, grapnel, send, steer  # noqa: F401, daemon is a fixture
from grapnel_test import wait_for
from operate_test import flood

MANY = 3000
AT_MOST = 2000  # before it: what is in memory already, and what is read in the other's turn


def is_not_last(daemon, id, attempt, since):
    """It is delivered before most of the many are."""

    def place():
        return [i for i, (begun_id, made, _) in enumerate(begun(daemon)[since:]) if (begun_id, made) == (id, attempt)]

    found = wait_for(place, f"{id}, attempt {attempt}")
    assert found[0] < AT_MOST, f"{found[0]} came before it"


def test_what_comes_now_does_not_wait_for_what_is_replayed(daemon):
    flood(daemon, [f"e{i}" for i in range(MANY)])
    daemon.drained()
    since = len(begun(daemon))
    steer(daemon, "after 2 ok")
    grapnel(daemon, "replay", "--type", "*", "--plugin", "steered")
    send(daemon, "live")
    is_not_last(daemon, "live", "1", since)


def test_a_retry_does_not_wait_for_all_that_comes_now(daemon):
    steer(daemon, "after 2 ok\nbad retry 1000")  # due when all the others wait
    send(daemon, "bad")
    flood(daemon, [f"e{i}" for i in range(MANY)])
    is_not_last(daemon, "bad", "2", 0)
