"""The commands of `atelier`, on the real parts."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.core import TyperGroup
from typer.testing import CliRunner, Result

from app.backend.core import project
from app.backend.core.settings import Settings
from app.cli.edge import Exit
from app.cli.main import app
from tests.integration.cli.conftest import PASSWORD, Atelier
from tests.processes import Fork
from tests.stack import environment_of


def _json(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def _make_agent(atelier: Atelier, *options: str) -> dict[str, Any]:
    return _json(
        atelier(
            *("agent", "create", "--name", "Helper", "--model", "scripted/hello"),
            *(*options, "--json"),
        )
    )


def test_first_user_owns_the_installation(atelier: Atelier, owner: str) -> None:
    second = ("user", "create", "b@example.org", "--password-stdin", "--json")
    users = [_json(atelier(*second, given=PASSWORD))]
    again = atelier(*second, given=PASSWORD)

    assert [user["role"] for user in users] == ["user"]
    assert again.exit_code == Exit.FAILED
    assert json.loads(again.stderr)["code"] == "CONFLICT"


@pytest.mark.parametrize(
    ("email", "password", "field"),
    [("nobody", PASSWORD, "email"), ("a@b.org", "short", "password")],
)
def test_wrong_account_is_refused_in_words(
    atelier: Atelier, email: str, password: str, field: str
) -> None:
    command = ("user", "create", email, "--password-stdin", "--json")
    result = atelier(*command, given=password)

    assert result.exit_code == Exit.INVALID
    assert set(json.loads(result.stderr)["details"]) == {field}
    assert PASSWORD not in result.output


def test_password_is_set(atelier: Atelier, owner: str) -> None:
    command = ("user", "set-password", owner, "--password-stdin")

    assert atelier(*command, given="another password").exit_code == Exit.DONE
    command = ("user", "set-password", "x@example.org", "--password-stdin")
    assert atelier(*command, given="another password").exit_code == Exit.NOT_FOUND


def test_key_is_printed_once(atelier: Atelier, owner: str) -> None:
    made = _json(atelier("key", "create", "--user", owner, "--name", "ci", "--json"))
    plain = atelier("key", "create", "--name", "ci")

    assert made["key"].startswith("atl_")
    assert plain.stdout.strip().startswith("atl_")
    assert len(plain.stdout.splitlines()) == 1


def test_agent_is_made_shown_and_deleted(atelier: Atelier, owner: str) -> None:
    made = _make_agent(atelier, "--temperature", "0.5")
    listed = _json(atelier("agent", "list", "--json"))
    by_name = _json(atelier("agent", "show", "helper", "--json"))
    by_id = _json(atelier("agent", "show", made["id"], "--json"))
    deleted = _json(atelier("agent", "delete", "Helper", "--yes", "--json"))
    gone = atelier("agent", "show", made["id"])

    assert [agent["id"] for agent in listed["items"]] == [made["id"]]
    assert by_name == by_id
    assert by_id["temperature"] == 0.5
    assert deleted == {"deleted": made["id"]}
    assert gone.exit_code == Exit.NOT_FOUND
    assert "There is no agent" in gone.stderr


def test_agent_is_made_from_a_file(
    atelier: Atelier, owner: str, tmp_path: Path
) -> None:
    file = tmp_path / "agent.json"
    file.write_text(json.dumps({"name": "Cook", "passages": 7}))
    made = _json(atelier("agent", "create", "--file", str(file), "--json"))
    named = _json(
        atelier("agent", "create", "--file", str(file), "--name", "Chef", "--json")
    )
    file.write_text("no json")
    wrong = atelier("agent", "create", "--file", str(file))

    assert (made["name"], made["passages"], named["name"]) == ("Cook", 7, "Chef")
    assert wrong.exit_code == Exit.INVALID
    assert "cannot be read as JSON" in wrong.stderr


def test_name_of_two_agents_is_not_enough(atelier: Atelier, owner: str) -> None:
    made = [_make_agent(atelier), _make_agent(atelier)]
    result = atelier("agent", "show", "Helper")

    assert result.exit_code == Exit.INVALID
    assert all(agent["id"] in result.stderr for agent in made)


def test_others_see_nothing(atelier: Atelier, owner: str) -> None:
    _make_agent(atelier)
    create = ("user", "create", "b@example.org", "--password-stdin")
    atelier(*create, given=PASSWORD)
    listed = _json(atelier("agent", "list", "--as", "b@example.org", "--json"))
    stranger = atelier("agent", "list", "--as", "c@example.org")

    assert listed["items"] == []
    assert stranger.exit_code == Exit.NOT_FOUND


def test_run_is_started_and_waited_for(
    atelier: Atelier, owner: str, worker: Fork
) -> None:
    _make_agent(atelier)
    start = ("run", "start", "Helper", "--input", '{"query": "Hello"}')
    run = _json(atelier(*start, "--wait", "--json"))
    shown = _json(atelier("run", "show", run["id"], "--json"))
    listed = _json(atelier("run", "list", "--agent", "Helper", "--json"))
    plain = atelier(*start, "--wait")

    assert run["status"] == "completed"
    assert shown == run
    assert [item["id"] for item in listed["items"]] == [run["id"]]
    assert plain.stdout.strip() == run["output"]["answer"]


def test_tree_of_a_run_is_shown(
    atelier: Atelier, owner: str, worker: Fork, tmp_path: Path
) -> None:
    _make_agent(atelier)
    asker = {
        "name": "Asker",
        "kind": "tools",
        "tools": ["run_agent"],
        "model": "scripted/delegates",
    }
    file = tmp_path / "agent.json"
    file.write_text(json.dumps(asker))
    _json(atelier("agent", "create", "--file", str(file), "--json"))
    start = ("run", "start", "Asker", "--input", '{"query": "Hello"}', "--wait")
    run = _json(atelier(*start, "--json"))

    tree = _json(atelier("run", "tree", run["id"], "--json"))
    plain = atelier("run", "tree", tree["items"][1]["id"]).stdout

    assert [(item["agent_name"], item["depth"]) for item in tree["items"]] == [
        ("Asker", 0),
        ("Helper", 1),
    ]
    assert "  Helper" in plain
    assert "completed" in plain


def test_run_is_followed(atelier: Atelier, owner: str, worker: Fork) -> None:
    _make_agent(atelier)
    start = ("run", "start", "Helper", "--input", "-", "--follow")
    plain = atelier(*start, given='{"query": "Hello"}')
    lines = atelier(*start, "--json", given='{"query": "Hello"}').stdout.splitlines()
    *events, run = [json.loads(line) for line in lines]
    stored = atelier("run", "events", run["id"], "--json").stdout.splitlines()
    text = atelier("run", "events", run["id"]).stdout

    assert "[PROGRESS] generating:" in plain.stdout
    assert run["output"]["answer"] in plain.stdout
    assert plain.stdout.splitlines()[-1] == "Completed"
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert [json.loads(line) for line in stored] == events
    assert "[PROGRESS] started:" in text


def test_failed_run_has_an_exit_code(
    atelier: Atelier, owner: str, worker: Fork
) -> None:
    script = 'scripted/{"error": "refused"}'
    made = _json(
        atelier("agent", "create", "--name", "Bad", "--model", script, "--json")
    )
    start = ("run", "start", made["id"], "--input", '{"query": "Hello"}', "--wait")
    result = atelier(*start)

    assert result.exit_code == Exit.RUN_FAILED
    assert result.stderr.strip()


def test_failed_run_is_resumed_and_retried(
    atelier: Atelier, owner: str, worker: Fork
) -> None:
    agent = _make_agent(atelier, "--model", "scripted/overflow")
    asked = ("run", "start", agent["id"], "--input", '{"query": "Why?"}', "--wait")
    failed = json.loads(atelier(*asked, "--json").stdout)

    resumed = atelier("run", "resume", failed["id"], "--follow")
    retried = atelier("run", "retry", failed["id"], "--wait", "--json")
    dead = _json(atelier("run", "list", "--dead", "--json"))

    assert resumed.exit_code == Exit.RUN_FAILED, resumed.output
    assert "goes on after step 1" in resumed.output
    again = json.loads(retried.stdout)
    assert again["origin_id"] == failed["id"]
    assert again["id"] != failed["id"]
    assert dead["items"] == []


def test_waiting_run_is_stopped(atelier: Atelier, owner: str) -> None:
    _make_agent(atelier)
    run = _json(
        atelier("run", "start", "Helper", "--input", '{"query": "Hello"}', "--json")
    )
    stopped = _json(atelier("run", "stop", run["id"], "--json"))
    again = _json(atelier("run", "stop", run["id"], "--json"))

    assert run["status"] == "queued"
    assert stopped["status"] == again["status"] == "stopped"


@pytest.mark.parametrize("given", ["no json", "[]", "{}", '{"query": 5}'])
def test_wrong_input_is_refused(atelier: Atelier, owner: str, given: str) -> None:
    _make_agent(atelier)
    result = atelier("run", "start", "Helper", "--input", given)

    assert result.exit_code == Exit.INVALID
    assert '{"query": "…"}' in result.stderr


def test_documents_are_added_and_searched(
    atelier: Atelier, owner: str, worker: Fork, runtime_url: str, tmp_path: Path
) -> None:
    _make_agent(atelier)
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "salt.md").write_text("# Salt\n\nSalt is mined in Wieliczka.")
    (tmp_path / "notes" / "tool.exe").write_bytes(b"MZ")
    nothing = atelier("kb", "search", "Helper", "salt")
    added = _json(
        atelier("kb", "add", "Helper", str(tmp_path / "notes"), "--wait", "--json")
    )
    found = _json(atelier("kb", "search", "Helper", "Where is salt mined?", "--json"))
    made_by = _json(atelier("kb", "embedder", "Helper", "--json"))
    no_model = atelier("kb", "embedder", "Helper", "nobody/vectors")
    refused = atelier("kb", "add", "Helper", str(tmp_path / "notes" / "tool.exe"))
    absent = atelier("kb", "add", "Helper", str(tmp_path / "absent.pdf"))

    assert nothing.exit_code == Exit.INVALID
    assert [(d["name"], d["status"]) for d in added["items"]] == [("salt.md", "ready")]
    assert "Wieliczka" in found["passages"][0]["text"]
    (own,) = made_by["items"]
    assert made_by["models"] == [own["embedding_model"]] == ["minilm-int8"]
    assert no_model.exit_code == Exit.INVALID
    assert "no provider 'nobody'" in no_model.stderr
    assert refused.exit_code == Exit.FAILED
    assert absent.exit_code == Exit.INVALID


def test_stopped_installation_says_so(
    atelier: Atelier, owner: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _make_agent(atelier)
    monkeypatch.setenv("ATELIER_REDIS_URL", "")
    result = atelier("run", "start", "Helper", "--input", '{"query": "Hello"}')

    assert result.exit_code == Exit.UNAVAILABLE
    assert "atelier up" in result.stderr


def test_runs_are_listed_for_any_time_and_however_a_tag_is_written(
    atelier: Atelier, owner: str
) -> None:
    _make_agent(atelier)
    start = ("run", "start", "Helper", "--input", '{"query": "Hello"}')
    run = _json(atelier(*start, "--json"))
    assert atelier("run", "tag", run["id"], "late night").exit_code == Exit.DONE

    ends = ("--since", "0001-01-01", "--until", "9999-12-31", "--tag", "Late  Night")
    found = _json(atelier("run", "list", *ends, "--json"))

    assert [one["id"] for one in found["items"]] == [run["id"]]


def test_one_is_not_spoken_of_as_many(atelier: Atelier, owner: str) -> None:
    ids = [f"00000000-0000-7000-8000-00000000000{n}" for n in range(2)]

    one = atelier("run", "bulk", "delete", ids[0], given="n\n")
    two = atelier("run", "bulk", "delete", *ids, given="n\n")
    pruned = atelier("checkpoints", "prune")

    assert "Delete 1 run with its log? " in one.stderr
    assert "Delete 2 runs with their logs? " in two.stderr
    assert pruned.stdout.startswith("Deleted 0 steps of 0 runs, about ")


def test_missing_tables_are_made(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fresh = settings.model_copy(
        update={"data_dir": tmp_path / "fresh", "database_url": ""}
    )
    for name, value in environment_of(fresh).items():
        monkeypatch.setenv(name, value)
    run = CliRunner()

    early = run.invoke(app, ["agent", "list"])
    migrated = run.invoke(app, ["migrate", "--json"])
    again = run.invoke(app, ["migrate", "--json"])

    assert early.exit_code == Exit.FAILED
    assert "atelier migrate" in early.stderr
    assert _json(migrated)["before"] == ""
    assert _json(again)["before"] == _json(again)["after"] == _json(migrated)["after"]


def _commands(group: TyperGroup, path: str) -> Iterator[tuple[str, Any]]:
    context = typer.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, TyperGroup):
            if command.invoke_without_command:
                yield f"{path} {name}", command
            yield from _commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


def test_every_command_is_documented_and_prints_json() -> None:
    text = (Path(project.DOCS) / "cli.md").read_text()
    documented = set(
        re.findall(r"^\| `(atelier(?: [a-z][a-z-]*)+)", text, re.MULTILINE)
    )
    root = typer.main.get_command(app)
    assert isinstance(root, TyperGroup)
    real = dict(_commands(root, "atelier"))

    assert documented == set(real)
    without = {"atelier up", "atelier build"}
    assert {
        name
        for name, command in real.items()
        if not any("--json" in option.opts for option in command.params)
    } == without


def test_exit_codes_are_documented() -> None:
    text = (Path(project.DOCS) / "cli.md").read_text()
    codes = re.findall(r"^\| (\d+) \|", text, re.MULTILINE)

    assert [int(code) for code in codes] == [code.value for code in Exit]


def test_people_are_invited_promoted_suspended_and_let_back_in(
    atelier: Atelier, owner: str
) -> None:
    email = "b@example.org"
    made = _json(atelier("user", "invite", email, "--role", "viewer", "--json"))
    again = _json(atelier("user", "link", email, "--json"))
    role = _json(atelier("user", "set-role", email, "admin", "--json"))
    suspended = _json(atelier("user", "suspend", email, "--json"))
    listed = _json(atelier("user", "list", "--text", "B@", "--json"))["items"]
    back = atelier("user", "reactivate", email)
    refused = atelier("user", "set-role", owner, "user")
    ended = _json(atelier("user", "sign-out", owner, "--json"))

    assert "/choose-password?token=" in made["link"]
    assert again["link"] != made["link"]
    assert role["role"] == "admin"
    assert [suspended["is_active"], *(one["is_active"] for one in listed)] == [
        False
    ] * 2
    assert back.stdout.strip() == f"{email}: admin, invited."
    assert (refused.exit_code, ended) == (Exit.FAILED, {"logins": 0})


def test_doctor_names_settings_of_mail_that_are_missing_or_wrong(
    atelier: Atelier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATELIER_SIGN_UP", "domains")
    missing = atelier("doctor")
    mail = {"SMTP_HOST": "127.0.0.1", "SMTP_PORT": "1", "SMTP_SENDER": "a@b.org"}
    for name, value in {**mail, "SIGN_UP_DOMAINS": "b.org"}.items():
        monkeypatch.setenv(f"ATELIER_{name}", value)
    wrong = json.loads(atelier("doctor", "--json").stdout)

    assert missing.exit_code == Exit.FAILED
    assert "ATELIER_SMTP_HOST" in missing.stderr
    (part,) = [part for part in wrong if part["name"] == "mail"]
    assert part["status"] == "down"
    assert "ATELIER_SMTP_" in part["message"]


def test_second_factor_is_removed(atelier: Atelier, owner: str) -> None:
    removed = _json(atelier("user", "remove-second-factor", owner, "--json"))
    nobody = atelier("user", "remove-second-factor", "x@example.org")

    assert removed["has_second_factor"] is False
    assert nobody.exit_code == Exit.NOT_FOUND


def test_audit_is_printed_as_json_lines(atelier: Atelier, owner: str) -> None:
    atelier("user", "invite", "b@example.org")
    wanted = ("audit", "--action", "user_invited", "--user", owner)
    lines = atelier(*wanted, "--json").stdout
    none = atelier("audit", "--until", "2020-01-01", "--json")

    assert "user_invited" in atelier(*wanted).stdout
    assert [json.loads(line)["email"] for line in lines.splitlines()] == [owner]
    assert (none.exit_code, none.stdout) == (Exit.DONE, "")


def test_groups_shares_permissions_and_keys(atelier: Atelier, owner: str) -> None:
    email = "c@example.org"
    atelier("user", "invite", email)
    agent = _json(atelier("agent", "create", "--name", "Shared", "--json"))
    atelier("group", "create", "Team")
    atelier("group", "add", "Team", email)
    renamed = _json(atelier("group", "rename", "Team", "Crew", "--json"))
    shared = _json(
        atelier("share", "add", "agent", "Shared", "--group", "Crew", "--json")
    )
    seen = _json(atelier("agent", "list", "--shown", "shared", "--as", email, "--json"))
    public = _json(atelier("share", "public", "Shared", "--json"))
    atelier("share", "remove", "agent", "Shared", "Crew")
    unseen = _json(
        atelier("agent", "list", "--shown", "shared", "--as", email, "--json")
    )

    assert (renamed["name"], renamed["members"]) == ("Crew", 1)
    assert (shared["name"], shared["level"]) == ("Crew", "view")
    assert [one["id"] for one in seen["items"]] == [agent["id"]]
    assert public["is_public"]
    assert unseen["items"] == []
    assert _json(atelier("share", "list", "agent", "Shared", "--json"))["items"] == []
    taken = _json(atelier("user", "take", email, "add_run", "--json"))
    back = _json(atelier("user", "grant", email, "add_run", "--json"))
    assert (taken["taken"], back["taken"]) == (["add_run"], [])
    options = ("--scope", "view_agent", "--agent", "Shared", "--json")
    key = _json(atelier("key", "create", "--name", "ci", *options))
    fresh = _json(atelier("key", "rotate", key["id"], "--json"))
    assert (fresh["scopes"], fresh["agent_ids"]) == (["view_agent"], [agent["id"]])
    found = _json(atelier("key", "list", "--text", fresh["prefix"], "--json"))["items"]
    assert [one["id"] for one in found] == [fresh["id"]]
    assert _json(atelier("key", "revoke", fresh["id"], "--json"))["revoked_at"]
