"""The container files, read by the real Compose."""

import importlib.util
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = importlib.util.find_spec("compose")
assert PACKAGE is not None
assert PACKAGE.origin is not None
PROGRAM = Path(PACKAGE.origin).parent / "docker-compose"
SECRETS = {
    "POSTGRES_PASSWORD": "the-owner",
    "POSTGRES_APP_PASSWORD": "p",
    "REDIS_PASSWORD": "r",
}
OURS = {"migrate", "web", "worker", "reader", "scheduler", "runtime"}
STORES = {"postgres", "valkey", "chroma"}
FILES = ["docker-compose.yml"]
FILES_DEV = [*FILES, "docker-compose.dev.yml"]


def run_compose(
    folder: Path, files: list[str], *arguments: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    # In a folder of its own, so that the .env of this checkout plays no part.
    for name in files:
        (folder / name).write_text((ROOT / name).read_text())
    (folder / ".env").touch()
    chosen = [part for name in files for part in ("--file", name)]
    return subprocess.run(
        [PROGRAM, *chosen, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=30,
    )


@pytest.fixture
def services(tmp_path: Path) -> dict[str, Any]:
    profiles = ("--profile", "s3", "--profile", "ollama")
    done = run_compose(tmp_path, FILES, *profiles, "config", "--format=json", **SECRETS)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["services"]


@pytest.mark.parametrize("files", [FILES, FILES_DEV], ids=["plain", "dev"])
def test_compose_accepts_the_files_without_a_warning(
    tmp_path: Path, files: list[str]
) -> None:
    done = run_compose(tmp_path, files, "config", "--quiet", **SECRETS)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_missing_secret_is_an_error_that_says_where_to_set_it(tmp_path: Path) -> None:
    given = {name: "p" for name in SECRETS if name != "POSTGRES_PASSWORD"}
    done = run_compose(tmp_path, FILES, "config", "--quiet", **given)

    assert done.returncode != 0
    assert "POSTGRES_PASSWORD" in done.stderr
    assert ".env" in done.stderr


def test_extra_services_are_profiles(tmp_path: Path, services: dict[str, Any]) -> None:
    done = run_compose(tmp_path, FILES, "config", "--services", **SECRETS)

    assert set(done.stdout.split()) == OURS | STORES
    assert set(services) == OURS | STORES | {"s3", "ollama"}


def test_only_the_port_of_the_ui_is_published(services: dict[str, Any]) -> None:
    published = {
        name: [(port["host_ip"], port["target"]) for port in service["ports"]]
        for name, service in services.items()
        if service.get("ports")
    }

    assert published == {"web": [("127.0.0.1", 8000)]}


def test_only_migrations_know_the_role_that_owns_the_tables(
    services: dict[str, Any],
) -> None:
    knowing = {
        name for name in OURS if "the-owner" in str(services[name]["environment"])
    }

    assert knowing == {"migrate"}
    for name in OURS:
        url = services[name]["environment"]["ATELIER_DATABASE_URL"]
        assert url == "postgresql://atelier_app:p@postgres:5432/atelier"


def test_every_lasting_service_has_a_health_check(services: dict[str, Any]) -> None:
    without = {
        name
        for name, service in services.items()
        if not service.get("healthcheck", {}).get("test")
    }

    assert without == {"migrate"}


def test_our_services_wait_for_what_they_need(services: dict[str, Any]) -> None:
    conditions = {
        name: {
            needed: rule["condition"].removeprefix("service_")
            for needed, rule in services[name]["depends_on"].items()
        }
        for name in OURS
    }
    stores = dict.fromkeys(STORES, "healthy")
    lasting = stores | {"migrate": "completed_successfully"}

    assert conditions == {
        "migrate": {"postgres": "healthy"},
        "runtime": lasting,
        "scheduler": lasting,
        "web": lasting | {"runtime": "healthy"},
        "worker": lasting | {"runtime": "healthy"},
        "reader": lasting | {"runtime": "healthy"},
    }


def test_no_service_may_gain_privileges(services: dict[str, Any]) -> None:
    for service in services.values():
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert not service.get("privileged")
    assert all(services[name]["cap_drop"] == ["ALL"] for name in OURS)


def test_our_services_can_write_only_data_and_temporary_files(
    services: dict[str, Any],
) -> None:
    for name in OURS:
        service = services[name]
        assert service["read_only"]
        assert service["tmpfs"] == ["/tmp"]
        assert [mount["target"] for mount in service["volumes"]] == ["/data"]


def test_images_are_pinned_to_a_version(services: dict[str, Any]) -> None:
    for service in services.values():
        tag = service["image"].rpartition(":")[2]
        assert tag.count(".") >= 1
        assert tag[0].isdigit()


def test_data_lies_in_named_volumes(services: dict[str, Any]) -> None:
    for name, service in services.items():
        mounts = service.get("volumes", [])
        assert mounts, name
        assert {mount["type"] for mount in mounts} == {"volume"}


def test_worker_can_be_scaled(services: dict[str, Any]) -> None:
    assert "container_name" not in services["worker"]
    assert not services["worker"].get("ports")


def test_documents_are_read_by_the_reader_alone(services: dict[str, Any]) -> None:
    ingests = {
        name: services[name]["environment"].get("ATELIER_WORKER_INGESTS", "true")
        for name in ("worker", "reader")
    }

    assert ingests == {"worker": "false", "reader": "true"}


def test_stores_cannot_reach_the_outside(services: dict[str, Any]) -> None:
    for name in STORES:
        assert set(services[name]["networks"]) == {"inside"}


def test_image_runs_as_nobody_in_particular_without_node() -> None:
    final = (ROOT / "Dockerfile").read_text().rpartition("\nFROM ")[2]

    assert "USER 10001" in final
    assert "HEALTHCHECK" in final
    assert "node" not in final
    assert "bun" not in final


def test_chroma_server_is_as_old_as_the_client(services: dict[str, Any]) -> None:
    constraints = (ROOT / "constraints.txt").read_text().splitlines()
    version = services["chroma"]["image"].rpartition(":")[2]

    assert f"chromadb=={version}" in constraints
