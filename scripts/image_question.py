"""Becomes the owner of a new installation, asks about its manual with an API key, and wants an answer that cites it.

It runs inside a container of the image; the token of the one-time link comes on the standard input.
"""

import os
import sys
import time
from typing import Any

import httpx

QUESTION = "Where is my data stored?"
SECONDS_MAX = 300
FINAL = {"completed", "failed", "stopped", "timed_out"}


def main() -> None:
    """Print the answer, or fail."""
    url = f"http://127.0.0.1:{os.environ.get('ATELIER_PORT', '8000')}"
    with httpx.Client(base_url=url, timeout=30) as browser:
        key = _make_key(browser, sys.stdin.read().strip())
    headers = {"Authorization": f"Bearer {key}"}
    with httpx.Client(base_url=url, timeout=30, headers=headers) as program:
        begun = time.monotonic()
        _wait_for_manual(program)
        sys.stdout.write(f"The manual was read in {time.monotonic() - begun:.0f} s.\n")
        begun = time.monotonic()
        run = _ask(program)
    sys.stdout.write(f"Answered in {time.monotonic() - begun:.1f} s: {run['output']}\n")
    if run["status"] != "completed" or not run["output"]["citations"]:
        sys.exit(f"That is no cited answer: {run}")


def _make_key(client: httpx.Client, token: str) -> str:
    page = client.get("/first-run").raise_for_status()
    if "<script" not in page.text:
        sys.exit("The front end is not served.")
    owner = {"token": token, "email": "owner@example.org", "password": "correct horse"}
    client.post("/api/auth/first-run", json=owner).raise_for_status()
    origin = {"Origin": str(client.base_url).rstrip("/")}
    made = client.post("/api/v1/keys", json={"name": "image"}, headers=origin)
    return made.raise_for_status().json()["key"]


def _wait_for_manual(client: httpx.Client) -> None:
    collections = client.get("/api/v1/collections").raise_for_status().json()["items"]
    address = f"/api/v1/collections/{collections[0]['id']}/documents"
    uploaded = 0
    for _ in range(SECONDS_MAX):
        listed = client.get(address).raise_for_status().json()["items"]
        states = {document["status"] for document in listed}
        # While more of them come, a worker is still uploading.
        if states == {"ready"} and len(listed) == uploaded:
            return
        uploaded = len(listed)
        if "failed" in states:
            sys.exit(f"A document could not be read: {listed}")
        time.sleep(1)
    sys.exit("The manual was not read in time.")


def _ask(client: httpx.Client) -> dict[str, Any]:
    agents = client.get("/api/v1/agents").raise_for_status().json()["items"]
    agent = next(agent["id"] for agent in agents if agent["name"] == "Document Q&A")
    start = {"input": {"query": QUESTION}}
    begun = client.post(f"/api/v1/agents/{agent}/runs", json=start).raise_for_status()
    for _ in range(SECONDS_MAX * 10):
        run = client.get(f"/api/v1/runs/{begun.json()['id']}").raise_for_status().json()
        if run["status"] in FINAL:
            return run
        time.sleep(0.1)
    sys.exit(f"No answer came to {begun.json()['id']}.")


main()
