"""What the page of models shows of providers, models and tests: short, and only what is on the screen."""

from pydantic import BaseModel, ConfigDict

from app.backend.models.checks import CheckResult, CheckStage
from app.backend.models.local import LocalView
from app.backend.models.schemas import ModelKind, ModelRowView, OfferedModel
from app.backend.providers.schemas import BuiltinView, ProviderView
from app.state.lines import Line

STAGE_WORDS = {
    CheckStage.RESOLVE: "Find the host",
    CheckStage.CONNECT: "Connect",
    CheckStage.AUTHENTICATE: "Check the key",
    CheckStage.LIST: "List the models",
    CheckStage.CHAT: "Ask a question",
    CheckStage.TOOLS: "Call a tool",
    CheckStage.EMBEDDING: "Make a vector",
}
WAITING, RUNNING = "waiting", "running"


class ModelLine(Line):
    """A model of a provider."""

    name: str
    full_name: str
    facts: str
    prices: str
    environment: str
    is_default: bool
    is_cheap: bool
    can_answer: bool
    is_enabled: bool
    may_change: bool


class ProviderLine(Line):
    """A provider with its models."""

    name: str
    label: str
    type: str
    type_label: str
    icon: str
    is_shared: bool
    is_enabled: bool
    is_own: bool
    is_behind: bool
    owner_name: str
    may_change: bool
    trouble: str
    models: list[ModelLine]


class BuiltinLine(BaseModel):
    """A provider of the settings."""

    model_config = ConfigDict(frozen=True)

    name: str
    label: str
    is_configured: bool
    about: str


class LocalLine(BaseModel):
    """A model file on this machine; `reason` is why it cannot be loaded."""

    model_config = ConfigDict(frozen=True)

    name: str
    facts: str
    speed: str
    source: str
    reason: str
    is_own: bool


class StageLine(BaseModel):
    """A stage of a test: waiting, running, or how it ended."""

    model_config = ConfigDict(frozen=True)

    stage: str
    title: str
    status: str = WAITING
    detail: str = ""


class OfferLine(BaseModel):
    """A model that can be added."""

    model_config = ConfigDict(frozen=True)

    name: str
    facts: str
    prices: str
    is_added: bool


def provider_line(view: ProviderView, models: list[ModelRowView]) -> ProviderLine:
    """Return a provider for the page."""
    return ProviderLine(
        id=str(view.id),
        name=view.name,
        label=view.label or view.type_label,
        type=view.type,
        type_label=view.type_label,
        icon=view.icon,
        is_shared=view.is_shared,
        is_enabled=view.is_enabled,
        is_own=view.is_own,
        is_behind=view.is_behind,
        owner_name=view.owner_name,
        may_change=view.may_change,
        trouble=view.trouble,
        models=[model_line(one) for one in models if one.provider_id == view.id],
    )


def model_line(view: ModelRowView) -> ModelLine:
    """Return a model for the page."""
    can = view.capabilities
    return ModelLine(
        id=str(view.id),
        name=view.name,
        full_name=view.full_name,
        facts=_facts(
            view.kind,
            can.get("context_window"),
            tools=bool(can.get("tools")),
            vision=bool(can.get("vision")),
        ),
        prices=price_words(view.price_in, view.price_out),
        environment=view.environment,
        is_default=view.is_default,
        is_cheap=view.is_cheap,
        can_answer=view.kind is ModelKind.CHAT,
        is_enabled=view.is_enabled,
        may_change=view.may_change,
    )


def builtin_line(view: BuiltinView) -> BuiltinLine:
    """Return a provider of the settings for the page."""
    return BuiltinLine(
        name=view.name,
        label=view.label,
        is_configured=view.is_configured,
        about="" if view.is_configured else view.how_to_configure,
    )


def local_line(view: LocalView) -> LocalLine:
    """Return a model file for the page."""
    speed, window = view.tokens_per_second, view.context
    parts = [
        f"{view.size / 1e6:,.0f} MB" if view.size else "",
        view.architecture,
        f"{window:,} tokens" if window else "",
        view.licence,
    ]
    return LocalLine(
        name=view.name,
        facts=", ".join(part for part in parts if part),
        speed="" if speed is None else f"{speed:g} tokens/s",
        source=view.source,
        reason=view.reason,
        is_own=view.is_own,
    )


def offer_line(offer: OfferedModel) -> OfferLine:
    """Return what can be added for the page."""
    can = offer.capabilities
    return OfferLine(
        name=offer.name,
        facts=_facts(
            offer.kind, can.context_window, tools=can.tools, vision=can.vision
        ),
        prices=price_words(offer.price_in, offer.price_out),
        is_added=offer.is_added,
    )


def stage_lines(results: list[CheckResult], *, is_over: bool) -> list[StageLine]:
    """Return all stages: those that ended, the one that goes on, and those that wait."""
    ended = {one.stage: one for one in results}
    lines: list[StageLine] = []
    is_next = not is_over
    for stage, title in STAGE_WORDS.items():
        result = ended.get(stage)
        if result is not None:
            status, detail = result.status.value, result.detail
        else:
            status, detail = RUNNING if is_next else WAITING, ""
            is_next = False
        lines.append(
            StageLine(stage=stage.value, title=title, status=status, detail=detail)
        )
    return lines


def price_words(price_in: float | None, price_out: float | None) -> str:
    """Return prices for people."""
    if price_in is None and price_out is None:
        return ""
    return f"${price_in or 0:g} in, ${price_out or 0:g} out per million tokens"


def _facts(kind: ModelKind, window: int | None, *, tools: bool, vision: bool) -> str:
    if kind is ModelKind.EMBEDDING:
        return "Makes vectors"
    parts = [
        f"{window:,} tokens" if window else "",
        "calls tools" if tools else "",
        "sees images" if vision else "",
    ]
    return ", ".join(part for part in parts if part)
