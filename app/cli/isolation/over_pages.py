"""Attacks on the events of the pages, over the raw websocket: by nobody, and by a stranger with foreign ids."""

import functools
import json
import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from app.cli.isolation.openapi import TABLES
from app.cli.isolation.people import client_of, sign_in
from app.cli.isolation.scene import Scene, absent_id, masked
from app.cli.isolation.surface import Argument, EventLine, Surface
from app.cli.isolation.tab import Tab, open_tab

_AREA = "page events"
_NOBODY = "page events without login"
_RIGHT = "page events without right"
# It shows in its own tab what it is sent; here it marks an end.
_NOTICE = "NoticesState.show"
_NOTICES = "notices_state"
_LOGIN = "/login"
_PARAMETER = re.compile(r"\[(\w+)_ref\]")
# What names a thing in an address, after its path.
_IN_QUERY = ("agent", "chunk", "collection", "document", "run", "thread")
_ID = "ID"
_ANYWHERE = "/?" + "&".join(f"{name}={_ID}" for name in _IN_QUERY)
_NUMBER = re.compile(r"\d+")
_TRIES = 3
# What a guard says to somebody whose role lacks the right.
_REFUSAL = "Your role does not allow this."
# They put what a tab has sent itself into its own fields.
_ECHOES = {"_set_value", "_set_focus", "_blur_focus"}
_BROKEN = "Something went wrong on our side."

Answers = list[dict[str, Any]]


async def attack(scene: Scene, surface: Surface) -> None:
    """Send every event of every store, all of a store in a row: one uses what another has put into the tab."""
    stores: dict[str, list[EventLine]] = defaultdict(list)
    for event in surface.events:
        if event.label != _NOTICE:
            stores[event.store].append(event)
    notices = next(one.address for one in surface.events if one.label == _NOTICE)
    open_one = functools.partial(open_tab, scene.address, notices=notices)
    for store, events in stores.items():
        async with open_one(None) as tab:
            await _as_nobody(scene, tab, events)
        # An event may end the login of those who send it; the next store gets another.
        person = await sign_in(
            scene.services, scene.stranger.actor, word=scene.stranger.word
        )
        async with open_one(person) as tab, open_one(person) as other:
            await _as_stranger(scene, surface, events, tab, other)
        await scene.check_rows(_AREA, store)
        async with client_of(scene.address, person.headers(scene.address)) as client:
            if not (await client.get("/api/auth/me")).is_success:
                scene.report.add(_AREA, store, "ended the login, so it proves nothing.")


async def _as_nobody(scene: Scene, tab: Tab, events: list[EventLine]) -> None:
    store, run_id = events[0].store, str(scene.foreign["run"][0])
    said = await _say(scene, tab, events, "/runs/ID", run_id)
    guarded = sum(not event.is_open for event in events)
    led = [text for text in said if _LOGIN in text]
    scene.report.count(_NOBODY, len(events))
    if len(led) != guarded:
        what = f"{guarded} events are guarded, and {len(led)} lead to the login page: {said}"
        scene.report.add(_NOBODY, store, what)


async def _as_stranger(
    scene: Scene, surface: Surface, events: list[EventLine], tab: Tab, other: Tab
) -> None:
    """In one tab the events name each foreign thing, in the other one they name none."""
    takes_ids = any(event.arguments for event in events)
    absent: dict[str, set[str]] = {}
    for table in sorted(set(TABLES.values())):
        for place in _places(surface, table):
            if takes_ids or place != _ANYWHERE:
                for thing in scene.foreign.get(table, [])[:1]:
                    await _compare(scene, events, tab, other, place, str(thing), absent)


async def _compare(
    scene: Scene,
    events: list[EventLine],
    tab: Tab,
    other: Tab,
    place: str,
    thing: str,
    absent: dict[str, set[str]],
) -> None:
    foreign = await _say(scene, tab, events, place, thing)
    if _refusals(foreign) != len(_lacking(scene, events)):
        # What events before these did in the background may be told only now.
        foreign = await _say(scene, tab, events, place, thing)
    _check_refusals(scene, events, foreign)
    if place not in absent:
        absent[place] = set(await _say(scene, other, events, place, absent_id()))
    for _ in range(_TRIES):
        # How often something is said, and what is cancelled, depends on what else goes on.
        if set(foreign) != absent[place]:
            foreign = await _say(scene, tab, events, place, thing)
            absent[place] = set(await _say(scene, other, events, place, absent_id()))
    where = f"{events[0].store} at {place}"
    scene.check_pair(_AREA, where, set(foreign), absent[place])


async def _say(
    scene: Scene, tab: Tab, events: list[EventLine], place: str, wanted: str
) -> list[str]:
    """Send the events from a place that shows `wanted`, with it in every argument; return what the tab tells a person."""
    sent = ((event.address, _values(event, wanted)) for event in events)
    answers = await tab.send(place.replace(_ID, wanted), *sent)
    scene.check_words(_AREA, f"{events[0].store} at {place}", json.dumps(answers))
    return _said(answers)


def _check_refusals(scene: Scene, events: list[EventLine], said: list[str]) -> None:
    store = events[0].store
    if any(_BROKEN in text for text in said):
        scene.report.add(_AREA, store, "fails, and logs an error id.")
    lacking = _lacking(scene, events)
    scene.report.count(_RIGHT, len(lacking))
    if _refusals(said) != len(lacking):
        what = f"refuses {_refusals(said)} of {', '.join(lacking)}."
        scene.report.add(_RIGHT, store, what)


def _lacking(scene: Scene, events: list[EventLine]) -> list[str]:
    """Return the events that the stranger has no permission for."""
    permissions = scene.stranger.actor.permissions
    return [
        event.name
        for event in events
        if event.needs_permission and event.access not in permissions
    ]


def _refusals(said: list[str]) -> int:
    return sum(_REFUSAL in text for text in said)


def _said(answers: Answers) -> list[str]:
    """Return what the answers tell a person: the texts of notices, and where they lead."""
    notices: dict[str, str] = {}
    said: list[str] = []
    for answer in answers:
        for name, values in answer.get("delta", {}).items():
            if name.endswith(_NOTICES):
                rows = next(iter(values.values()), [])
                notices |= {row["id"]: row["text"] for row in rows}
        said += [
            json.dumps(one["payload"])
            for one in answer.get("events", [])
            if one["name"] not in _ECHOES
        ]
    said += [text for text in notices.values() if text != "mark"]
    return [_NUMBER.sub("N", masked(text)) for text in said]


def _places(surface: Surface, table: str) -> Iterator[str]:
    """Yield the pages that show a thing, and one that names it after its path."""
    for page in surface.pages:
        if table in _PARAMETER.findall(page):
            yield _PARAMETER.sub(_ID, page)
    yield _ANYWHERE


def _values(event: EventLine, wanted: str) -> dict[str, Any]:
    kinds: dict[Argument, Any] = {
        Argument.TEXT: wanted,
        Argument.FORM: _form(wanted),
        Argument.FLAG: True,
        Argument.NUMBER: 0,
    }
    return {name: kinds[kind] for name, kind in event.arguments.items()}


def _form(wanted: str) -> dict[str, Any]:
    """Return a form that names `wanted` in each way that forms do."""
    return {
        "id": wanted,
        "run_id": wanted,
        "name": "probe",
        "model": "scripted/hello",
        f"agent:{wanted}": "on",
        f"collection:{wanted}": "on",
        "email": "nobody@isolation.invalid",
        "level": "view",
        "text": "What?",
        "query": "What?",
        "request_id": absent_id(),
        "choice": "yes",
        "tags": "probe",
        "kind": "chat",
        "environment": "LAB",
        "skip_test": "on",
    }
