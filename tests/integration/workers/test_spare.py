"""The child in reserve: it does its order, ends with its parent, and costs no signal."""

import subprocess
import sys

START = r"""
import os, signal
from app.workers.spare import Spare

class Told(Exception):
    pass

def tell(*_):
    raise Told

def get_ready():
    os.write(1, b"ready\n")

signal.signal(signal.SIGTERM, tell)
"""


def run(code: str) -> str:
    """Run a parent and return what it and its children printed."""
    return subprocess.run(
        [sys.executable, "-c", START + code],
        capture_output=True,
        text=True,
        check=True,
        timeout=20,
    ).stdout


def test_child_does_its_order() -> None:
    printed = run(r"""
spare = Spare(get_ready, lambda *words: print(*words, flush=True))
print(spare.give(["one", "two"]), os.waitpid(spare.pid, 0)[1], flush=True)
""")

    assert sorted(printed.splitlines()) == ["True 0", "one two", "ready"]
    assert printed.index("ready") < printed.index("one two")


def test_child_without_an_order_ends_with_its_parent() -> None:
    # The child holds the other end of this parent's output, so `run` returns when both are gone.
    assert run("Spare(get_ready, print)") == "ready\n"


def test_order_for_a_dead_child_is_refused() -> None:
    printed = run(r"""
spare = Spare(lambda: None, print)
os.kill(spare.pid, signal.SIGKILL)
os.waitid(os.P_PID, spare.pid, os.WEXITED | os.WNOWAIT)
print(spare.give(["one"]))
""")

    assert printed == "False\n"


def test_signal_during_the_fork_is_heard_by_the_parent_alone() -> None:
    printed = run(r"""
os.register_at_fork(after_in_parent=lambda: os.kill(os.getpid(), signal.SIGTERM))
try:
    Spare(get_ready, print)
except Told:
    os.write(1, b"told\n")
""")

    assert sorted(printed.split()) == ["ready", "told"]
