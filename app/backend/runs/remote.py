"""Runs an agent at another runtime's `/execute`, and passes on all that it says, live."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Protocol
from uuid import UUID

import httpcore
import httpx
from httpx_sse import ServerSentEvent, SSEError, aconnect_sse
from pydantic import ValidationError

from app.backend.agents.context import Task
from app.backend.agents.spec import AgentSpec
from app.backend.core import tls
from app.backend.core.counts import ELSEWHERE
from app.backend.core.db import Database
from app.backend.core.errors import AppError
from app.backend.core.run_context import RunContext
from app.backend.core.run_events import (
    EVENT,
    STATUS_OF_END,
    Event,
    MessageStarted,
    ModelCall,
    RunOutput,
    UsageRecorded,
)
from app.backend.providers.opened import is_trusted
from app.backend.providers.public_only import PrivateAddress, make_transport
from app.backend.runs.errors import RemoteFailed, RemoteRefused
from app.backend.runs.execute import (
    RESULT,
    ExecuteBody,
    ExecuteResult,
    ExecuteTurn,
)
from app.backend.secrets import service as secrets
from app.backend.secrets.service import SecretParts

CONNECT_SECONDS = 5
# The other side sends a sign of life far more often, also while it waits for its model.
SILENCE_SECONDS = 60
# What only the owner of the log may say.
_OURS = {*STATUS_OF_END, "run_queued", "run_started", "attempt_started"}


class RemoteRunFailed(AppError):
    """The run failed over there; the message is the other side's."""

    status = 502

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code or "REMOTE_FAILED"


class RemoteParts(SecretParts, Protocol):
    """What it takes to ask another runtime."""

    @property
    def db(self) -> Database:
        """Where stored secrets lie."""
        ...


async def run_remote(parts: RemoteParts, task: Task, context: RunContext) -> RunOutput:
    """Run the task at the agent's runtime; without a URL that is this installation's own.

    The URL of an owner who is no administrator reaches public addresses only, unless the settings allow more.

    Nothing is tried here when the other side fails: where an agent runs is its owner's decision.

    Raises:
        AppError: the other side is away, refuses, breaks off, or its run failed.
    """
    url = task.spec.remote_url or parts.settings.runtime_address
    key = await _key(parts, task, context)
    request = _request(task, context, key)
    may_be_private = not task.spec.remote_url or is_trusted(
        context.agent_owner, parts.settings
    )
    try:
        async with _open(url, request, may_be_private=may_be_private) as events:
            async for event in events:
                if event.event == RESULT:
                    return _output(ExecuteResult.model_validate_json(event.data), url)
                _forward(event, context, is_foreign=bool(task.spec.remote_url))
    except PrivateAddress as error:
        message = f"{url} is at an address of this machine or of a private network, where only an administrator's agents may run. Change the agent's URL, or ask an administrator."
        raise RemoteRefused(message) from error
    except httpx.ConnectError as error:
        message = f"The runtime at {url} cannot be reached. Start it, or change the agent's URL; then press Retry."
        raise RemoteFailed(message) from error
    except (httpx.HTTPError, SSEError, ValidationError) as error:
        message = f"The runtime at {url} broke off in the middle of the run ({type(error).__name__}). Press Retry."
        raise RemoteFailed(message) from error
    message = f"The runtime at {url} ended without a result. Press Retry."
    raise RemoteFailed(message)


async def _key(parts: RemoteParts, task: Task, context: RunContext) -> str:
    spec = task.spec
    if not spec.remote_url:
        return parts.keyring.token("runtime")
    if not spec.remote_secret:
        return spec.remote_key.get_secret_value() if spec.remote_key else ""
    async with parts.db.transaction() as session:
        found = await secrets.resolve(
            session,
            context.agent_owner,
            spec.remote_secret,
            parts=parts,
            run_id=context.run_id,
        )
    return found.get_secret_value()


def _request(task: Task, context: RunContext, key: str) -> dict[str, Any]:
    spec = task.spec
    body = ExecuteBody.model_validate(
        {
            "agent_id": _far_id(spec) if spec.remote_url else spec.id,
            "query": task.query,
            "input_data": task.extra,
            "history": [
                ExecuteTurn(question=turn.question, answer=turn.answer)
                for turn in task.history
            ],
            # Only our own runtime knows our runs.
            "run_id": None if spec.remote_url else context.run_id,
        }
    )
    return {
        "json": body.model_dump(mode="json"),
        "headers": {"Authorization": f"Bearer {key}"},
    }


def _far_id(spec: AgentSpec) -> UUID:
    try:
        return UUID(spec.remote_agent_id)
    except ValueError:
        message = f"{spec.remote_agent_id!r} is no id of an agent. Copy the id from the agent's page over there and enter it in the agent here; then press Retry."
        raise RemoteRefused(message) from None


@asynccontextmanager
async def _open(
    url: str, request: dict[str, Any], *, may_be_private: bool
) -> AsyncGenerator[AsyncGenerator[ServerSentEvent, None], None]:
    timeout = httpx.Timeout(SILENCE_SECONDS, connect=CONNECT_SECONDS)
    transport = None if may_be_private else make_transport(httpx, httpcore)
    async with (
        httpx.AsyncClient(
            timeout=timeout, verify=tls.trusted(), transport=transport
        ) as client,
        aconnect_sse(client, "POST", f"{url}/execute", **request) as source,
    ):
        if source.response.is_error:
            await source.response.aread()
            raise _refusal(source.response, url)
        yield source.aiter_sse()


def _refusal(response: httpx.Response, url: str) -> AppError:
    if response.status_code in {401, 403}:
        return RemoteRefused(
            f"The runtime at {url} does not accept the agent's key. Make a key there and enter it in the agent."
        )
    try:
        said = str(response.json()["message"])
    except (ValueError, KeyError, TypeError):
        said = f"It answered with status {response.status_code}."
    if response.status_code >= 500:
        return RemoteFailed(f"The runtime at {url} cannot run the agent now. {said}")
    return RemoteRefused(f"The runtime at {url} refuses to run the agent. {said}")


def _forward(event: ServerSentEvent, context: RunContext, *, is_foreign: bool) -> None:
    try:
        said = EVENT.validate_json(event.data)
    except ValidationError:
        # A newer installation may say more than we know; it is not lost on those who can read it there.
        return
    if said.type not in _OURS:
        context.emit(_as_paid_there(said) if is_foreign else said)


def _as_paid_there(said: Event) -> Event:
    match said:
        case UsageRecorded():
            paid = {"call_id": None, "cost_micros": None, "price": ELSEWHERE}
            return said.model_copy(update=paid)
        case MessageStarted(call=ModelCall() as call):
            # What it took is reckoned from this, should this worker be killed.
            call = call.model_copy(update={"price": ELSEWHERE})
            return said.model_copy(update={"call": call})
        case _:
            return said


def _output(result: ExecuteResult, url: str) -> RunOutput:
    if result.status == "completed" and result.output_data is not None:
        return result.output_data
    raise RemoteRunFailed(
        result.code, result.error or f"The run at {url} failed and did not say why."
    )
