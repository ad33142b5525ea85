"""`atelier provider` and `atelier models`, on providers that people connect."""

import json

import pytest

from app.backend.core.redis import connect_blocking
from app.backend.core.settings import Settings
from app.cli.edge import Exit
from tests.integration.cli.conftest import PASSWORD, Atelier
from tests.integration.cli.test_commands import (
    _json,  # pyright: ignore[reportPrivateUsage]
)
from tests.integration.providers import vendors


@pytest.mark.usefixtures("owner")
def test_provider_is_connected_tried_out_used_and_deleted(
    atelier: Atelier, settings: Settings
) -> None:
    key = "key-of-the-vendor-tests"
    with vendors.serving(vendors.anthropic()) as url:
        kind = ("--type", "anthropic", "--set", f"base_url={url}", "--key-stdin")
        made = atelier("provider", "add", "claude", *kind, "--json", given=f"{key}\n")
        tried = atelier("provider", "test", "claude", "--model", "tool", "--json")
        offered = _json(atelier("provider", "offers", "claude", "--json"))
        broken = atelier("provider", "test", "claude", "--model", "broken")
    added = atelier("models", "add", "claude/good", "--default")
    listed = _json(atelier("models", "list", "--json"))
    with connect_blocking(settings.redis_url) as redis:
        known = redis.exists(f"app:middleware:{listed[0]['id']}:chain")
    gone = atelier("provider", "delete", "claude")

    assert made.exit_code == Exit.DONE, made.output
    assert key not in made.output
    stages = [json.loads(line) for line in tried.stdout.splitlines()]
    assert [(one["stage"], one["status"]) for one in stages] == [
        ("resolve", "ok"),
        ("connect", "ok"),
        ("authenticate", "ok"),
        ("list", "ok"),
        ("chat", "ok"),
        ("tools", "ok"),
        ("embedding", "skipped"),
    ]
    assert {one["name"] for one in offered} == set(vendors.MODELS)
    assert broken.exit_code == Exit.UNAVAILABLE
    assert "✗ chat" in broken.stdout
    assert "The GPU is on fire." in broken.stdout
    assert added.stdout.startswith("claude/good: default")
    assert (listed[0]["name"], listed[0]["is_default"]) == ("claude/good", True)
    # What stands before a new default is known before it is asked.
    assert known
    assert gone.exit_code == Exit.DONE, gone.output
    assert _json(atelier("provider", "list", "--json")) == []


@pytest.mark.usefixtures("owner")
def test_cheap_default_is_chosen_and_kept_for_a_budget_that_names_it(
    atelier: Atelier,
) -> None:
    atelier("provider", "add", "mine", "--type", "scripted")
    first = atelier("models", "add", "mine/hello", "--cheap", "--json")
    atelier("models", "add", "mine/echo")
    second = atelier("models", "set-default", "mine/echo", "--cheap")
    atelier("budget", "set", "1", "--policy", "cheaper", "--model", "mine/echo")

    kept = atelier("models", "delete", "mine/echo")

    assert _json(first)["is_cheap"]
    assert second.stdout.startswith("mine/echo: cheap default"), second.output
    assert kept.exit_code != Exit.DONE
    assert "mine/echo is used by a budget of yours" in kept.stderr
    assert atelier("models", "delete", "mine/hello").exit_code == Exit.DONE


def test_list_says_who_shares_a_provider_and_that_another_one_is_asked(
    atelier: Atelier, owner: str
) -> None:
    ben = "ben@example.org"
    atelier("user", "create", ben, "--password-stdin", given=f"{PASSWORD}\n")
    for email in (owner, ben):
        made = atelier("provider", "add", "mine", "--type", "scripted", "--as", email)
        assert made.exit_code == Exit.DONE, made.output
    shared = atelier("share", "add", "provider", "mine", "--email", ben, "--as", owner)

    listed = atelier("provider", "list", "--as", ben).stdout

    assert shared.exit_code == Exit.DONE, shared.output
    (line,) = [line for line in listed.splitlines() if "with you" in line]
    assert line.index("ada") < line.index(", with you") < line.index("not used")
