"""Attacks on what stays open: the websockets, the namespace of logs, and signed addresses of files."""

import asyncio
import inspect
import json
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from aiohttp import WSMsgType
from fastapi.routing import APIWebSocketRoute, iter_route_contexts
from socketio.exceptions import (  # pyright: ignore[reportMissingTypeStubs]
    ConnectionError as Refused,
)

from app.backend.api.agent_socket import Action
from app.backend.api.app import make_api
from app.backend.api.feed import NAMESPACE, FeedNamespace
from app.cli.isolation.openapi import PARAMETER, TABLES
from app.cli.isolation.people import client_of
from app.cli.isolation.scene import Scene, absent_id, masked
from app.cli.isolation.tab import connect

_AREA = "sockets and streams"
# Long enough for whatever a stranger could be told.
_SILENCE_SECONDS = 1.0
_EVENTS = [
    name.removeprefix("on_")
    for name, _ in inspect.getmembers(FeedNamespace, inspect.iscoroutinefunction)
    if name.startswith("on_") and name not in {"on_connect", "on_disconnect"}
]


async def attack(scene: Scene) -> None:
    """Open everything that stays open, with what is the owner's."""
    async with aiohttp.ClientSession() as client:
        for path in _paths(scene):
            await _attack_socket(scene, client, path)
        await _attack_actions(scene, client)
    await _attack_feed(scene)
    await _attack_stream(scene)
    await _attack_file(scene)
    await scene.check_rows(_AREA, "all sockets")


def _paths(scene: Scene) -> list[str]:
    routes = iter_route_contexts(make_api(scene.services.settings).routes)
    return [
        str(route.path)
        for route in routes
        if isinstance(route.original_route, APIWebSocketRoute)
    ]


async def _attack_socket(
    scene: Scene, client: aiohttp.ClientSession, path: str
) -> None:
    (name,) = PARAMETER.findall(path)
    table = TABLES[name]
    scene.check_kind(_AREA, path, table)
    headers = scene.stranger.headers(scene.address)
    absent = await _listen(scene, client, path, absent_id(), headers)
    for thing in scene.foreign.get(table, []):
        heard = await _listen(scene, client, path, str(thing), headers)
        scene.check_pair(_AREA, path, heard, absent)
        nobody = await _listen(scene, client, path, str(thing), {})
        scene.report.count(_AREA)
        if nobody:
            scene.report.add(_AREA, path, f"tells nobody in particular {nobody}")


async def _listen(
    scene: Scene,
    client: aiohttp.ClientSession,
    path: str,
    wanted: str,
    headers: dict[str, str],
    *sent: dict[str, Any],
) -> list[str]:
    """Return what a websocket says until it is closed or silent."""
    heard: list[str] = []
    url = f"{scene.address}{PARAMETER.sub(wanted, path)}"
    try:
        async with client.ws_connect(url, headers=headers) as socket:
            for message in sent:
                await socket.send_json(message)
            async with asyncio.timeout(_SILENCE_SECONDS):
                while (message := await socket.receive()).type is WSMsgType.TEXT:
                    heard.append(masked(str(message.data)))
    except (TimeoutError, aiohttp.WSServerHandshakeError):
        pass
    for text in heard:
        scene.check_words(_AREA, path, text)
    return heard


async def _attack_actions(scene: Scene, client: aiohttp.ClientSession) -> None:
    """Send each message that names something, on a socket of the stranger's own agent."""
    (agent_id, *_) = scene.own["agent"]
    headers = scene.stranger.headers(scene.address)
    for schema in Action.json_schema()["$defs"].values():
        parts = schema["properties"]
        for name in (one for one in parts if "'uuid'" in str(parts[one])):
            action = parts["action"]["const"]
            told = [
                await _listen(
                    scene,
                    client,
                    "/ws/agent/{agent_id}",
                    str(agent_id),
                    headers,
                    {"action": action, name: wanted},
                )
                for wanted in (str(scene.foreign[TABLES[name]][0]), absent_id())
            ]
            scene.check_pair(_AREA, f"action {action}", *told)


async def _attack_feed(scene: Scene) -> None:
    scene.report.count(_AREA)
    try:
        nobody = await connect(scene.address, None, NAMESPACE)
    except Refused:
        pass
    else:
        scene.report.add(_AREA, NAMESPACE, "lets in somebody who is not signed in.")
        await nobody.disconnect()
    client = await connect(scene.address, scene.stranger, NAMESPACE)
    heard: list[str] = []

    async def hear(event: str, *said: object) -> None:
        heard.append(f"{event} {said}")

    client.on("*", hear, namespace=NAMESPACE)
    for event in _EVENTS:
        absent = await _call(client, event, absent_id())
        for run_id in scene.foreign["run"]:
            answer = await _call(client, event, str(run_id))
            scene.check_pair(_AREA, f"{NAMESPACE} {event}", answer, absent)
            scene.check_words(_AREA, f"{NAMESPACE} {event}", answer)
    await asyncio.sleep(_SILENCE_SECONDS)
    await client.disconnect()
    if heard:
        scene.report.add(_AREA, NAMESPACE, f"sends a stranger {heard[0]}")


async def _call(client: Any, event: str, run_id: str) -> str:
    answer = await client.call(
        event, {"run_id": run_id}, namespace=NAMESPACE, timeout=10
    )
    return masked(json.dumps(answer))


async def _attack_stream(scene: Scene) -> None:
    """Ask for the live log of a run, which would be sent as it grows."""
    headers = {"Accept": "text/event-stream", **scene.stranger.headers(scene.address)}
    async with client_of(scene.address, headers) as client:
        answers: list[tuple[int, str]] = []
        for run_id in (absent_id(), *map(str, scene.foreign["run"])):
            answer = await client.get(f"/api/v1/runs/{run_id}/events")
            answers.append((answer.status_code, masked(answer.text)))
            scene.check_words(_AREA, "live log", answer.text)
    for answer in answers[1:]:
        scene.check_pair(_AREA, "live log", answer, answers[0])


async def _attack_file(scene: Scene) -> None:
    """Put the key of a foreign file into an address that was signed for an own one."""
    signed: list[str] = []
    for person, owned in ((scene.stranger, scene.own), (scene.owner, scene.foreign)):
        headers = person.headers(scene.address)
        async with client_of(scene.address, headers) as client:
            path = f"/api/v1/documents/{owned['document'][0]}/download"
            answer = await client.get(path)
            signed.append(answer.headers.get("location", ""))
    own, foreign = map(urlsplit, signed)
    scene.report.count(_AREA)
    if own.netloc not in {"", urlsplit(scene.address).netloc}:
        # An object store of its own has its own signatures.
        return
    async with client_of(scene.address, {}) as client:
        answer = await client.get(f"{foreign.path}?{own.query}")
    scene.check_words(_AREA, "signed address", answer.text)
    if answer.status_code != 404:
        what = f"answers {answer.status_code} with the signature of another file."
        scene.report.add(_AREA, "signed address", what)
