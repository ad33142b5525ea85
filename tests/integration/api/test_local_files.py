"""Model files over the API: added, measured and taken out by administrators who are signed in."""

import json
from pathlib import Path

import httpx
import pytest

from app.backend.bootstrap import Services
from app.backend.models import shelving
from app.backend.models.preparing import READING
from tests.factories.model_files import NAME, copy_model

LOCAL = "/api/v1/models/local"


async def test_file_is_added_measured_and_taken_out_by_the_api(
    services: Services,
    signed_in: httpx.AsyncClient,
    client: httpx.AsyncClient,
    tmp_path: Path,
) -> None:
    file = copy_model(services.settings, tmp_path)
    body = {"source": str(file), "licence": "MIT"}
    refused = await client.post(LOCAL, json=body)
    added = await signed_in.post(LOCAL, json=body)
    measured = await signed_in.post(f"{LOCAL}/{NAME}/measure")
    deleted = await signed_in.delete(f"{LOCAL}/{NAME}")
    gone = await signed_in.delete(f"{LOCAL}/{NAME}")

    assert refused.status_code == 403
    steps = [json.loads(line) for line in added.text.splitlines()]
    assert list(dict.fromkeys(step.get("status") for step in steps[:-1])) == [
        READING,
        shelving.MEASURING,
    ]
    assert steps[-1]["model"]["name"] == f"local/{NAME}"
    assert steps[-1]["model"]["tokens_per_second"] > 0
    assert measured.json()["tokens_per_second"] > 0
    assert (deleted.status_code, gone.status_code) == (204, 404)
    rows = (await signed_in.get("/api/v1/audit")).json()["items"]
    done = {row["action"] for row in rows if row["object_kind"] == shelving.KIND}
    assert done == {"local_model_added", "local_model_deleted"}


@pytest.mark.parametrize(
    ("name", "words"),
    [("no.gguf", "is not a file"), (f"{'x' * 300}.gguf", "cannot be read")],
)
async def test_api_says_why_a_file_is_not_added(
    signed_in: httpx.AsyncClient, tmp_path: Path, name: str, words: str
) -> None:
    answer = await signed_in.post(LOCAL, json={"source": str(tmp_path / name)})

    last = json.loads(answer.text.splitlines()[-1])
    assert words in last["error"]
