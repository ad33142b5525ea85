"""Twenty people a second sign in with their passwords, while a list and a page are asked for all the time."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from time import perf_counter

import httpx

from app.backend.identity import service as identity
from app.backend.identity.schemas import UserDraft
from bench.report import Row, percentile, report
from bench.running import running_product, sign_up
from tests.product import Product, parts_of

A_SECOND = 20
SECONDS = 10
PEOPLE = 20
PASSWORD = "correct horse battery"
ASK_EVERY = 0.05
# Whoever has no answer by then is not waited for.
PATIENCE = 20.0
GOAL = "20 logins/s for 10 s, none refused; the list's and the page's p95 during it at most 100 ms"


async def _add_people(product: Product) -> list[str]:
    """Make accounts that were here before: a new one would be given agents, and a manual that workers read."""
    emails = [f"person{number}@example.org" for number in range(PEOPLE)]
    async with parts_of(product) as (services, owner):
        for email in emails:
            draft = UserDraft.model_validate({"email": email, "password": PASSWORD})
            async with services.db.transaction() as session:
                user = await identity.create_user(session, owner, draft=draft)
                person = await identity.get_actor(session, user.id)
                await identity.welcome(session, person)
    return emails


async def _ask(
    client: httpx.AsyncClient, path: str, until: asyncio.Event
) -> list[float]:
    times: list[float] = []
    while not until.is_set():
        began = perf_counter()
        answer = await client.get(path)
        assert answer.is_success, answer.text
        times.append((perf_counter() - began) * 1000)
        await asyncio.sleep(ASK_EVERY)
    return times


async def _sign_in_all(url: str, emails: Sequence[str]) -> list[float]:
    """Sign in at a steady pace, whether or not those before are done; returns how long each took that was answered, in ms."""
    times: list[float] = []

    async def sign_in(client: httpx.AsyncClient, number: int) -> None:
        await asyncio.sleep(number / A_SECOND)
        began = perf_counter()
        form = {"email": emails[number % len(emails)], "password": PASSWORD}
        with suppress(httpx.TimeoutException):
            answer = await client.post("/api/auth/login", json=form)
            assert answer.is_success, answer.text
            times.append((perf_counter() - began) * 1000)

    limits = httpx.Limits(max_connections=A_SECOND * SECONDS)
    async with httpx.AsyncClient(
        base_url=url, timeout=PATIENCE, limits=limits, trust_env=False
    ) as client:
        tasks = [sign_in(client, number) for number in range(A_SECOND * SECONDS)]
        await asyncio.gather(*tasks)
    return times


async def _measure(
    url: str, cookies: dict[str, str], emails: Sequence[str]
) -> tuple[dict[str, list[float]], list[float], float]:
    """Return how long list and page took, before and during the logins, how long these took, and all of them together."""
    paths = {"list": "/api/v1/agents", "page": "/"}
    spent: dict[str, list[float]] = {}
    logins: list[float] = []
    seconds = 0.0
    async with httpx.AsyncClient(
        base_url=url, cookies=cookies, timeout=60, trust_env=False
    ) as client:
        for when in ("before", "during"):
            until = asyncio.Event()
            asking = [
                asyncio.create_task(_ask(client, path, until))
                for path in paths.values()
            ]
            began = perf_counter()
            if when == "before":
                await asyncio.sleep(SECONDS)
            else:
                logins = await _sign_in_all(url, emails)
            seconds = perf_counter() - began
            until.set()
            for name, times in zip(paths, await asyncio.gather(*asking), strict=True):
                spent[f"{name}, {when}"] = times
    return spent, logins, seconds


def main() -> None:
    """Measure, and print the table."""
    with running_product() as product:
        login = sign_up(product)
        cookies = {one["name"]: one["value"] for one in login.get("cookies", [])}  # pyright: ignore[reportTypedDictNotRequiredAccess]
        emails = asyncio.run(_add_people(product))
        spent, logins, seconds = asyncio.run(_measure(product.url, cookies, emails))
    rows = [_row(name, times) for name, times in spent.items()]
    asked = A_SECOND * SECONDS
    what = f"login ({len(logins)} of {asked} answered, {len(logins) / seconds:.1f} a second)"
    rows.append(_row(what, logins or [PATIENCE * 1000]))
    report("logins", "Signing in beside other work", rows, goal=GOAL)


def _row(name: str, times: Sequence[float]) -> Row:
    return {
        "what": name,
        "times": len(times),
        "p50 ms": percentile(times, 50),
        "p95 ms": percentile(times, 95),
        "most ms": max(times),
    }


if __name__ == "__main__":
    main()
