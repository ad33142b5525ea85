"""What the calls of models took and cost, as the page adds it up."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import reflex as rx
from pydantic import BaseModel, ConfigDict

from app import routes
from app.backend.core import clock
from app.backend.core.actor import Permission
from app.backend.usage import service as usage
from app.backend.usage.schemas import (
    DAYS_MAX,
    UsageGroup,
    UsageLine,
    UsageReport,
    UsageSum,
    UsageWish,
)
from app.backend.usage.words import cost_words
from app.state import edge
from app.state.lines import Line

_SHOWN = timedelta(days=29)
_TEXT_MAX = 300
DELETED = "An agent that is deleted"


class UsageAsk(BaseModel):
    """What the page is asked for, as it stands in the address and its fields."""

    model_config = ConfigDict(frozen=True)

    since: str = ""
    until: str = ""
    by: str = UsageGroup.AGENT.value
    model: str = ""
    provider: str = ""
    everyone: str = ""


class TotalLine(BaseModel):
    """The sum of everything, in words."""

    model_config = ConfigDict(frozen=True)

    cost: str = ""
    tokens: str = ""
    calls: str = ""
    failed: str = ""
    cached: str = ""
    latency: str = ""


class UsageItem(Line):
    """One agent, model, provider, day or user; `share` is of the largest, in percent, and `path` leads to the runs."""

    name: str
    cost: str
    tokens: str
    calls: str
    failed: str
    cached: str
    latency: str
    share: float
    path: str
    may_narrow: bool
    runs_label: str
    only_label: str


class DayBar(BaseModel):
    """One day; `share` is of the largest, in percent."""

    model_config = ConfigDict(frozen=True)

    key: str
    share: float
    text: str


class UsageState(rx.State):
    """Usage in a stretch of days."""

    is_loading: rx.Field[bool] = rx.field(True)
    wish: rx.Field[UsageAsk] = rx.field(default_factory=UsageAsk)
    wish_key: rx.Field[int] = rx.field(0)
    rows: rx.Field[list[UsageItem]] = rx.field(default_factory=list)
    days: rx.Field[list[DayBar]] = rx.field(default_factory=list)
    total: rx.Field[TotalLine] = rx.field(default_factory=TotalLine)

    @rx.var
    def is_narrowed(self) -> bool:
        """Whether something is left out besides days."""
        return self.wish.model != "" or self.wish.provider != ""

    @rx.var
    def place(self) -> dict[str, str]:
        """What stands in the address."""
        return self.wish.model_dump()

    @rx.var
    def days_words(self) -> str:
        """What the bars show, for those who do not see them."""
        if not self.days:
            return ""
        most = max(self.days, key=lambda day: day.share)
        return f"The most on {most.text}."

    @rx.var
    def export_path(self) -> str:
        """Where the calls are downloaded."""
        asked = self.wish
        wanted = {"from": asked.since, "to": asked.until, "model": asked.model}
        wanted["provider"] = asked.provider
        if asked.everyone:
            wanted["is_everyone"] = "true"
        return routes.usage_export_path({k: v for k, v in wanted.items() if v})

    @rx.event
    @edge.requires(Permission.VIEW_RUN)
    async def load(self) -> None:
        """Show what the address asks for."""
        asked = {name: edge.query_value(self, name) for name in UsageAsk.model_fields}
        wish = _cleaned({**asked, "by": asked["by"] or self.wish.by})
        if wish != self.wish:
            self.wish, self.wish_key = wish, self.wish_key + 1
        await self._show()

    @rx.event
    @edge.requires(Permission.VIEW_RUN)
    async def want(self, name: str, value: str) -> None:
        """Add up something else."""
        self.wish = _cleaned({**self.wish.model_dump(), name: value[:_TEXT_MAX]})
        await self._show()

    @rx.event
    @edge.requires(Permission.VIEW_RUN)
    async def only(self, key: str) -> None:
        """Count the calls of one model only, by agent, or of one provider, by model."""
        is_model = self.wish.by == UsageGroup.MODEL
        name, by = ("model", "agent") if is_model else ("provider", "model")
        narrowed = {name: key[:_TEXT_MAX], "by": by}
        self.wish = _cleaned({**self.wish.model_dump(), **narrowed})
        await self._show()

    @rx.event
    @edge.requires(Permission.VIEW_RUN)
    async def clear(self) -> None:
        """Count all calls again."""
        self.wish = self.wish.model_copy(update={"model": "", "provider": ""})
        await self._show()

    async def _show(self) -> None:
        by = UsageGroup(self.wish.by)
        async with edge.read(self) as (session, actor):
            is_admin = actor.may(Permission.VIEW_USER)
            if not is_admin and (self.wish.everyone or by is UsageGroup.USER):
                by = UsageGroup.AGENT
                self.wish = self.wish.model_copy(update={"everyone": "", "by": by})
            wish = _wish_of(self.wish)
            report = await usage.report_usage(session, actor, wish=wish, group_by=by)
            daily = report
            if by is not UsageGroup.DAY:
                daily = await usage.report_usage(
                    session, actor, wish=wish, group_by=UsageGroup.DAY
                )
        self.total = TotalLine(**_words(report.total))
        self.rows = _rows(report, wish)
        self.days = _bars(daily, wish)
        self.is_loading = False


def _cleaned(asked: Mapping[str, str]) -> UsageAsk:
    """Return an ask from what an address or a tab says; what is no choice is left out."""
    today = clock.now().date()
    until = _day(asked.get("until", "")) or today
    since = _day(asked.get("since", "")) or until - min(_SHOWN, until - date.min)
    if since > until or (until - since).days >= DAYS_MAX:
        since = until - min(_SHOWN, until - date.min)
    by = asked.get("by", "")
    return UsageAsk(
        since=since.isoformat(),
        until=until.isoformat(),
        by=by if by in set(UsageGroup) else UsageGroup.AGENT.value,
        model=asked.get("model", "")[:_TEXT_MAX],
        provider=asked.get("provider", "")[:_TEXT_MAX],
        everyone="yes" if asked.get("everyone") else "",
    )


def _wish_of(asked: UsageAsk) -> UsageWish:
    return UsageWish(
        since=date.fromisoformat(asked.since),
        until=date.fromisoformat(asked.until),
        model=asked.model,
        provider=asked.provider,
        is_everyone=bool(asked.everyone),
    )


def _words(total: UsageSum) -> dict[str, Any]:
    rate = 100 * total.failed / total.calls if total.calls else 0
    return {
        "cost": cost_words(total),
        "tokens": f"{total.tokens_in:,}, {total.tokens_out:,}",
        "calls": f"{total.calls:,}",
        "failed": f"{rate:.1f} %",
        "cached": _cached(total),
        "latency": f"{_seconds(total.p50)}, {_seconds(total.p95)}",
    }


def _cached(total: UsageSum) -> str:
    """Say how much of what was read its provider knew, and how many answers came from the cache before the model."""
    share = 100 * total.tokens_cached / total.tokens_in if total.tokens_in else 0
    return f"{share:.0f} %, {total.from_cache:,}"


def _seconds(milliseconds: float) -> str:
    return (
        f"{milliseconds / 1000:.1f} s"
        if milliseconds >= 1000
        else f"{milliseconds:.0f} ms"
    )


def _weight(lines: Sequence[UsageLine]) -> list[float]:
    """Return how large each is, of the largest, in percent: by cost, or by tokens where nothing costs anything."""
    costs = [line.cost_micros for line in lines]
    sizes = (
        costs if any(costs) else [line.tokens_in + line.tokens_out for line in lines]
    )
    most = max(sizes, default=0) or 1
    return [round(100 * size / most, 1) for size in sizes]


def _rows(report: UsageReport, wish: UsageWish) -> list[UsageItem]:
    shares = _weight(report.items)
    return [
        _row(line, share, report.group_by, wish)
        for line, share in zip(report.items, shares, strict=True)
    ]


def _row(line: UsageLine, share: float, by: UsageGroup, wish: UsageWish) -> UsageItem:
    path, days = "", (wish.since.isoformat(), wish.until.isoformat())
    if not wish.is_everyone and by is UsageGroup.DAY:
        path = routes.runs_between_path(line.key, line.key)
    elif not wish.is_everyone and by is UsageGroup.AGENT and line.key:
        path = routes.runs_between_path(*days, agent=line.key)
    name = line.name or DELETED
    return UsageItem(
        id=line.key,
        name=name,
        share=share,
        path=path,
        may_narrow=by in {UsageGroup.MODEL, UsageGroup.PROVIDER},
        runs_label=f"Runs: {name}",
        only_label=f"Only {name}",
        **_words(line),
    )


def _bars(report: UsageReport, wish: UsageWish) -> list[DayBar]:
    """Return every day, also those on which nothing happened."""
    shares = _weight(report.items)
    found = {
        line.key: (line, share)
        for line, share in zip(report.items, shares, strict=True)
    }
    bars: list[DayBar] = []
    for n in range((wish.until - wish.since).days + 1):
        key = (wish.since + timedelta(days=n)).isoformat()
        line, share = found.get(key, (None, 0.0))
        spent = line or UsageSum()
        tokens = spent.tokens_in + spent.tokens_out
        text = f"{key}: {cost_words(spent)}, {tokens:,} tokens"
        bars.append(DayBar(key=key, share=share, text=text))
    return bars


def _day(text: str) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if 1970 < day.year < 9999 else None
