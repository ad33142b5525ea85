"""What ties horses to their worker: a closed pipe lets go, and one of them at most holds the token."""

import subprocess
import sys

START = r"""
import os, signal, tempfile
from app.workers.leash import Leash, Token

held, kept = os.pipe()
news, told = os.pipe()
leash, token = Leash(held, told), Token(tempfile.TemporaryFile())

def fork(work):
    pid = os.fork()
    if pid == 0:
        work()
        os._exit(0)
    return pid
"""


def run(code: str) -> list[str]:
    """Run a parent and return the lines that it and its children printed."""
    return subprocess.run(
        [sys.executable, "-c", START + code],
        capture_output=True,
        text=True,
        check=True,
        timeout=20,
    ).stdout.splitlines()


def test_horse_is_held_until_its_worker_lets_go_or_dies() -> None:
    printed = run(r"""
print(leash.is_held())
os.close(kept)
print(leash.is_held())
""")

    assert printed == ["True", "False"]


def test_worker_hears_what_a_horse_does() -> None:
    printed = run(r"""
leash.took("one", "runs", "run-1-1", "1")
leash.is_free("one")
leash.takes_no_more()
print(os.read(news, 1000).decode().replace(str(os.getpid()), "PID"), end="")
""")

    assert printed == [
        '{"pid": PID, "slot": "one", "queue": "runs", "job_id": "run-1-1", "subject": "1"}',
        '{"pid": PID, "slot": "one"}',
        '{"pid": PID}',
    ]


def test_one_slot_holds_the_token_and_that_of_a_dead_horse_does_not() -> None:
    printed = run(r"""
begun, ready = os.pipe()

def hold():
    token.take("one")
    os.write(ready, b"x")
    signal.pause()

holder = fork(hold)
os.read(begun, 1)
print(token.take("one"))
os.kill(holder, signal.SIGKILL)
os.waitpid(holder, 0)
print(token.take("one"), token.take("one"), token.take("two"))
token.give_back("two")
token.give_back("one")
other = fork(lambda: os.write(1, f"{token.take('one')}\n".encode()))
os.waitpid(other, 0)
""")

    assert sorted(printed) == ["False", "True", "True True False"]
