"""Attacks on the routes of the API: by a stranger, by somebody without the right, by nobody."""

import asyncio
import itertools
from collections.abc import Iterator
from typing import Any

import httpx

from app.cli.isolation.openapi import TABLES, Route, Slot
from app.cli.isolation.people import client_of
from app.cli.isolation.scene import Scene, absent_id, masked

_AREA = "routes"
_TRIES = 5
# They answer with a result for each id.
_EACH_BY_ITSELF = {"POST /api/v1/runs/bulk"}


async def attack(scene: Scene, routes: list[Route]) -> None:
    """Send every request that there is with what is the owner's, and compare."""
    await _as_nobody(scene, routes)
    await _without_right(scene, routes)
    stranger = scene.stranger
    permitted = [
        route
        for route in routes
        if not route.is_open and _may(stranger.actor.permissions, route)
    ]
    async with client_of(scene.address, stranger.headers(scene.address)) as client:
        for route in permitted:
            for slot in route.slots():
                await _with_foreign(scene, client, route, slot)
            if route.method == "GET":
                await _look(scene, client, route)
    await _as_owner(scene, permitted)
    await scene.check_rows(_AREA, "all requests")


async def send(client: httpx.AsyncClient, **request: Any) -> httpx.Response:
    """Send a request, again while there were too many, or when the connection broke."""
    for _ in range(_TRIES):
        try:
            answer = await client.request(**request)
        except (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError):
            continue
        if answer.status_code != 429:
            return answer
        await asyncio.sleep(min(float(answer.headers.get("retry-after", 1)), 10))
    return await client.request(**request)


async def _with_foreign(
    scene: Scene, client: httpx.AsyncClient, route: Route, slot: Slot
) -> None:
    if slot.name not in TABLES:
        scene.report.add(_AREA, route.name, f"nobody says of what {slot.name} is.")
        return
    scene.check_kind(_AREA, route.name, TABLES[slot.name])
    for foreign, nothing in _attacks(scene, route, slot):
        absent = await _ask(client, route, nothing, slot)
        answer = await _ask(client, route, foreign, slot)
        scene.check_pair(_AREA, f"{route.name} ({slot.name})", answer, absent)
        scene.check_words(_AREA, route.name, answer[2])
        is_certain = slot.place != "query" and route.name not in _EACH_BY_ITSELF
        if is_certain and absent[0] != 404:
            scene.report.add(_AREA, route.name, f"proves nothing: it says {absent}")


def _attacks(
    scene: Scene, route: Route, slot: Slot
) -> Iterator[tuple[dict[str, str], dict[str, str]]]:
    """Yield the ids of a foreign thing, with those of none; where several are named, among own ones and together."""
    for thing in scene.foreign.get(TABLES[slot.name], []):
        yield _ids(scene, slot.name, str(thing)), _ids(scene, slot.name, absent_id())
    named = [one.name for one in route.slots() if one.place == "path"]
    if len(named) > 1:
        things = (map(str, scene.foreign.get(TABLES[name], [])) for name in named)
        for together in itertools.product(*things):
            nothing = {name: absent_id() for name in named}
            yield dict(zip(named, together, strict=True)), nothing


def _ids(scene: Scene, name: str, wanted: str) -> dict[str, str]:
    own = {key: scene.own.get(table) for key, table in TABLES.items()}
    known = {key: str(found[0]) for key, found in own.items() if found}
    return {**known, name: wanted}


async def _ask(
    client: httpx.AsyncClient, route: Route, ids: dict[str, str], slot: Slot
) -> tuple[int, str, str]:
    answer = await send(client, **route.request(ids, wanted=slot))
    kind = answer.headers.get("content-type", "")
    return answer.status_code, kind, masked(answer.text)


async def _look(scene: Scene, client: httpx.AsyncClient, route: Route) -> None:
    """Read what is shown without a foreign id: lists, searches, exports; in each of its variants."""
    for params in _variants(route):
        request = route.request(_ids(scene, "", ""))
        request["params"] |= params
        for kind in route.gives or ("*/*",):
            if kind == "text/event-stream":
                continue
            scene.report.count(_AREA)
            answer = await send(client, **request, headers={"Accept": kind})
            scene.check_words(_AREA, route.name, answer.text)
            if answer.status_code >= 500:
                scene.report.add(_AREA, route.name, f"fails: {answer.text}")


def _variants(route: Route) -> Iterator[dict[str, str]]:
    yield {}
    for parameter in route.parameters:
        schema = parameter["schema"]
        for value in schema.get("enum", []) if parameter["in"] == "query" else []:
            yield {parameter["name"]: value}
        if schema.get("type") == "boolean":
            yield {parameter["name"]: "true"}


async def _as_nobody(scene: Scene, routes: list[Route]) -> None:
    """Every route without a login, and with a key that nobody has."""
    foreign = {name: scene.foreign.get(table) for name, table in TABLES.items()}
    ids = {name: str(found[0]) for name, found in foreign.items() if found}
    for headers in ({}, {"Authorization": "Bearer nobody"}):
        async with client_of(scene.address, headers) as client:
            for route in routes:
                if route.is_open and route.method != "GET":
                    continue
                scene.report.count("without login")
                request = route.request(ids)
                # The refusal comes before a body is read, and closes the connection on which it is being sent.
                request.pop("files", None)
                answer = await send(client, **request)
                scene.check_words("without login", route.name, answer.text)
                if answer.status_code != 401 and not route.is_open:
                    what = f"answers {answer.status_code} to somebody who is not signed in."
                    scene.report.add("without login", route.name, what)


async def _without_right(scene: Scene, routes: list[Route]) -> None:
    """Every route that needs a permission, by those who lack it."""
    for person in (scene.viewer, scene.stranger):
        headers = person.headers(scene.address)
        async with client_of(scene.address, headers) as client:
            for route in routes:
                if _may(person.actor.permissions, route):
                    continue
                scene.report.count("without right")
                ids = dict.fromkeys(TABLES, absent_id())
                answer = await send(client, **route.request(ids))
                if answer.status_code != 403:
                    lacking = ", ".join(route.permissions - person.actor.permissions)
                    what = (
                        f"answers {answer.status_code} to somebody without {lacking}."
                    )
                    scene.report.add("without right", route.name, what)


async def _as_owner(scene: Scene, routes: list[Route]) -> None:
    """What the stranger was refused is there for its owner; else the refusals would prove nothing."""
    own = {name: scene.foreign.get(table) for name, table in TABLES.items()}
    ids = {name: str(found[0]) for name, found in own.items() if found}
    owner = scene.owner
    async with client_of(scene.address, owner.headers(scene.address)) as client:
        for route in routes:
            if route.method != "GET" or not list(route.slots()):
                continue
            answer = await send(client, **route.request(ids))
            if answer.status_code >= 400:
                what = f"proves nothing: its owner is told {answer.text}"
                scene.report.add(_AREA, route.name, what)


def _may(permissions: frozenset[Any], route: Route) -> bool:
    return route.permissions <= permissions
