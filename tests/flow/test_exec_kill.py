"""exec.so: whatever ends a command ends all that it has started, and nothing else."""

import os
import re
import signal
from pathlib import Path

import pytest

from exec_plugin import exec_daemon, gone, shell
from grapnel_test import SLOWNESS, event, wait_for
from test_delivery import ATTEMPTS, dead

# A command with a child and a grandchild. None of them ends by itself; each has told its number in a file before the event is taken up.
FAMILY = shell("sh -c 'sleep 1000 & echo $! >> pids; wait' & echo $! >> pids; echo $$ >> pids; echo running; wait; wait")


def family(folder):
    def three():
        path = Path(folder) / "pids"
        numbers = [int(line) for line in path.read_text().splitlines()] if path.exists() else []
        return numbers if len(numbers) == 3 else None

    return wait_for(three, "the family to start")


def all_gone(pids):
    wait_for(lambda: all(map(gone, pids)), f"the end of {pids}")


def guard_of(worker):
    def named():
        """It is given its name a moment after it was started."""
        children = Path(f"/proc/{worker}/task/{worker}/children").read_text().split()
        return [int(pid) for pid in children if Path(f"/proc/{pid}/comm").read_text() == "grapnel-guard\n"]

    (guard,) = wait_for(named, "the guard")
    return guard


def test_at_the_deadline_the_whole_group(tmp_path):
    """A little before the worker would be killed, so that it goes on."""
    deadline = 2 * SLOWNESS
    with exec_daemon(tmp_path, {"command": FAMILY}, deadline=f"{deadline}s") as daemon:
        (worker,) = daemon.workers()
        daemon.sender().accepted(event("e1"))
        pids = family(tmp_path)
        daemon.drained()
        all_gone(pids)
        why, attempts, crashes, detail = dead(daemon)["e1"]
        assert (why, attempts, crashes) == (ATTEMPTS, 1, 0)
        assert re.fullmatch(r"sh was killed, as it had not ended after \d+ ms \(`deadline`\): running", detail)
        assert int(re.search(r"\d+", detail)[0]) < deadline * 1000
        assert daemon.workers() == [worker]


def test_one_that_ignores_signals_and_prints_for_ever(tmp_path):
    command = shell("trap '' TERM INT HUP; echo $$ > pids; yes")
    with exec_daemon(tmp_path, {"command": command}, deadline=f"{SLOWNESS}s") as daemon:
        (worker,) = daemon.workers()
        daemon.sender().accepted(event("e1"))
        daemon.drained()
        all_gone([int((tmp_path / "pids").read_text())])
        assert dead(daemon)["e1"][3].endswith("(`deadline`): y") and daemon.workers() == [worker]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_with_the_worker(tmp_path, number):
    with exec_daemon(tmp_path, {"command": FAMILY}) as daemon:
        daemon.plugins_crash = True  # a sanitizer tells of the SIGSEGV
        (worker,) = daemon.workers()
        daemon.sender().accepted(event("e1"))
        pids = family(tmp_path)
        guard = guard_of(worker)
        os.kill(worker, number)
        all_gone([*pids, guard])


def test_with_the_daemon(tmp_path):
    daemon = exec_daemon(tmp_path, {"command": FAMILY}).start()
    (worker,) = daemon.workers()
    daemon.sender().accepted(event("e1"))
    pids = family(tmp_path)
    guard = guard_of(worker)
    daemon.kill()
    all_gone([*pids, guard, worker])


def test_when_the_guard_was_killed_too(tmp_path):
    """Then the kernel still ends the command with its worker."""
    with exec_daemon(tmp_path, {"command": shell("echo $$ > pids; exec sleep 1000")}) as daemon:
        (worker,) = daemon.workers()
        daemon.sender().accepted(event("e1"))
        (pid,) = wait_for(lambda: (tmp_path / "pids").exists() and (tmp_path / "pids").read_text().split(), "the command")
        os.kill(guard_of(worker), signal.SIGKILL)
        os.kill(worker, signal.SIGKILL)
        all_gone([int(pid)])


def test_a_guard_that_was_killed_is_replaced(tmp_path):
    with exec_daemon(tmp_path, {"command": shell("echo fine")}) as daemon:
        (worker,) = daemon.workers()
        guards = set()
        for number in range(3):
            guard = guard_of(worker)
            guards.add(guard)
            os.kill(guard, signal.SIGKILL)
            all_gone([guard])
            daemon.sender().accepted(event(f"e{number}"))
            daemon.drained()
        guards.add(guard_of(worker))
        assert len(guards) == 4 and dead(daemon) == {} and daemon.workers() == [worker]
    all_gone(guards)


def test_stopping_waits_for_the_command_and_leaves_no_guard(tmp_path):
    with exec_daemon(tmp_path, {"command": shell("echo $$ > pids; read line < pipe; echo $line > said")}) as daemon:
        os.mkfifo(tmp_path / "pipe")
        (worker,) = daemon.workers()
        guard = guard_of(worker)
        daemon.sender().accepted(event("e1"))
        wait_for(lambda: (tmp_path / "pids").exists(), "the command")
        os.kill(guard, signal.SIGTERM)  # as service managers do, to all processes
        daemon.process.send_signal(signal.SIGTERM)
        wait_for(lambda: "stopping" in daemon.log(), "the daemon to stop")
        assert not gone(guard)
        (tmp_path / "pipe").write_text("goodbye\n")
        assert daemon.process.wait(60 * SLOWNESS) == 0
        all_gone([guard])
    assert (tmp_path / "said").read_text() == "goodbye\n"


@pytest.mark.parametrize("output", ["", ">/dev/null 2>&1"])
def test_what_is_left_in_the_background_is_killed(tmp_path, output):
    """It does not keep the event either, although it may hold the output open."""
    command = shell(f"sleep 1000 {output} & echo $! > pids; exit 0")
    with exec_daemon(tmp_path, {"command": command}) as daemon:
        daemon.sender().accepted(event("e1"))
        daemon.drained()
        all_gone([int((tmp_path / "pids").read_text())])
        assert dead(daemon) == {}
        assert "e1: sh ended, and what it had left running was killed: start with setsid what is to go on" in daemon.log()


def test_what_has_a_session_of_its_own_goes_on(tmp_path):
    """Its output goes nowhere any more, it is reaped when it ends, and nothing is said about it."""
    os.mkfifo(tmp_path / "pipe")
    session = "setsid sh -c 'echo $$ > pids; read line < pipe; echo $line > said'"
    command = shell(f"[ $GRAPNEL_ID != e1 ] || {{ {session} & while [ ! -s pids ]; do :; done; }}")
    with exec_daemon(tmp_path, {"command": command}) as daemon:
        (worker,) = daemon.workers()
        daemon.sender().accepted(event("e1"))
        daemon.drained()
        pid = int((tmp_path / "pids").read_text())
        assert not gone(pid) and "left running" not in daemon.log()
        (tmp_path / "pipe").write_text("still here\n")
        wait_for(lambda: gone(pid), "its end")
        assert (tmp_path / "said").read_text() == "still here\n"
        daemon.sender().accepted(event("e2"))
        daemon.drained()
        assert not Path(f"/proc/{pid}").exists() and daemon.workers() == [worker]
        assert dead(daemon) == {}
