"""Puts what three probes own into every store, lets one attack what another has, and takes it all away again."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import httpx

from app.backend.bootstrap import Services
from app.backend.core import clock, ids
from app.backend.core.actor import Role
from app.backend.core.errors import Conflict, ServiceUnavailable
from app.cli.isolation import over_http, over_pages, over_sockets, people
from app.cli.isolation.belongings import empty, fill
from app.cli.isolation.findings import Report
from app.cli.isolation.openapi import Route, read_routes
from app.cli.isolation.scene import Scene
from app.cli.isolation.surface import read_surface

_LOCK = "app:doctor:isolation:lock"
_LOCK_SECONDS = 900


async def prove(services: Services, address: str) -> Report:
    """Attack a running installation at `address`, and return what was found.

    Raises:
        ServiceUnavailable: it does not answer there, or no worker does its work.
        Conflict: somebody else does so just now.
    """
    began = clock.monotonic()
    surface = await read_surface()
    async with _alone(services), _open_scene(services, address) as scene:
        routes = await _read_routes(scene)
        await over_http.attack(scene, routes)
        await over_sockets.attack(scene)
        await over_pages.attack(scene, surface)
        scene.report.seconds = round(clock.monotonic() - began, 1)
        return scene.report


@asynccontextmanager
async def _alone(services: Services) -> AsyncGenerator[None, None]:
    if not await services.redis.set(_LOCK, "1", nx=True, ex=_LOCK_SECONDS):
        message = "The isolation of this installation is being proved already. Try again when that is done."
        raise Conflict(message)
    try:
        yield
    finally:
        await services.redis.delete(_LOCK)


@asynccontextmanager
async def _open_scene(services: Services, address: str) -> AsyncGenerator[Scene, None]:
    owner, stranger, viewer = [
        await people.wake(services, name, role, word=f"{name}-{ids.new_id().hex[-8:]}")
        for name, role in (
            ("owner", Role.USER),
            ("stranger", Role.USER),
            ("viewer", Role.VIEWER),
        )
    ]
    report = Report(address=address)
    scene = Scene(services, address, owner, stranger, viewer, report)
    try:
        scene.foreign = await fill(services, address, owner, viewer)
        scene.own = await fill(services, address, stranger, viewer)
        await scene.look_at_rows()
        yield scene
    except httpx.ConnectError as error:
        message = f"{address} does not answer ({error}). Name its address with --url, or start it with `atelier up`."
        raise ServiceUnavailable(message, service="web") from None
    finally:
        for person in (owner, stranger, viewer):
            fresh = await people.sign_in(services, person.actor, word=person.word)
            await empty(address, fresh)
            await people.rest(services, person.actor)


async def _read_routes(scene: Scene) -> list[Route]:
    headers = scene.stranger.headers(scene.address)
    async with people.client_of(scene.address, headers) as client:
        return read_routes((await client.get("/openapi.json")).json())
