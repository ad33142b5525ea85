"""What stops `atelier up` before it starts anything: each a sentence that names the option to change."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from app.backend.core.settings import Settings
from app.cli import claims
from tests.parts import free_port

PROGRAM = Path(sys.executable).parent / "atelier"


def run_up(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("ATELIER_")
    }
    return subprocess.run(
        [PROGRAM, "up", "--no-browser", *options],
        cwd=folder,
        env=clean,
        capture_output=True,
        text=True,
        timeout=50,
    )


@pytest.mark.parametrize("option", ["--port", "--runtime-port"])
def test_taken_port_is_an_error_that_names_its_option(
    tmp_path: Path, option: str
) -> None:
    other = "--runtime-port" if option == "--port" else "--port"
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])

        done = run_up(tmp_path, option, port, other, str(free_port()))

    assert done.returncode == 1
    assert f"Port {port} on 127.0.0.1 cannot be used" in done.stdout
    assert f"{option} " in done.stdout
    assert not (tmp_path / "data" / "parts.json").exists()


def test_port_that_is_offered_instead_is_free(tmp_path: Path) -> None:
    with socket.socket() as taken, socket.socket() as next_one:
        taken.bind(("127.0.0.1", 0))
        port = int(taken.getsockname()[1])
        next_one.bind(("127.0.0.1", port + 10))
        taken.listen()
        next_one.listen()
        settings = Settings.model_validate({"port": port, "data_dir": tmp_path})

        with pytest.raises(claims.CannotStart) as failed:
            claims.check_ports(settings)

    assert f"--port {port + 10} " not in str(failed.value)
    assert "--port " in str(failed.value)


def test_folder_that_cannot_be_written_is_an_error_that_names_its_option(
    tmp_path: Path,
) -> None:
    (tmp_path / "file").touch()

    done = run_up(tmp_path, "--data-dir", str(tmp_path / "file" / "data"))

    assert done.returncode == 1
    assert "cannot be written" in done.stdout
    assert "--data-dir" in done.stdout


def test_folder_in_use_is_an_error_that_names_the_other_process(tmp_path: Path) -> None:
    with claims.lock_folder(tmp_path / "data"):
        done = run_up(tmp_path, "--data-dir", str(tmp_path / "data"))

    assert done.returncode == 1
    assert f"already runs on '{tmp_path / 'data'}' (process {os.getpid()})" in (
        done.stdout
    )


def test_wrong_setting_is_an_error_that_names_its_variable(tmp_path: Path) -> None:
    done = run_up(tmp_path, "--workers", "0")

    assert done.returncode == 1
    assert "ATELIER_WORKERS" in done.stdout


def test_single_part_needs_the_redis_of_its_installation(tmp_path: Path) -> None:
    done = run_up(tmp_path, "--only", "worker")

    assert done.returncode == 1
    assert "ATELIER_REDIS_URL" in done.stdout
