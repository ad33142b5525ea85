"""Routes of the caller's own second factor."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from app.backend.api import password_login
from app.backend.api.deps import ActorDep, PartsDep, PersonDep, ReadDep
from app.backend.api.parts import ApiParts
from app.backend.core.actor import Actor
from app.backend.identity import refusals, second_factor
from app.backend.identity.schemas import (
    PASSWORD_LENGTH_MAX,
    NewSecondFactor,
    RecoveryCodes,
    SecondFactorView,
)

router = APIRouter(prefix="/api/auth/second-factor", tags=["account"])


class Proof(BaseModel):
    """The present password, to prove who is asking."""

    model_config = ConfigDict(frozen=True)

    password: SecretStr = Field(max_length=PASSWORD_LENGTH_MAX)


class FirstCode(BaseModel):
    """A first code of the authenticator app."""

    model_config = ConfigDict(frozen=True)

    code: str = Field(min_length=1, max_length=40)


@router.get("")
async def show_second_factor(
    actor: ActorDep, session: ReadDep, parts: PartsDep
) -> SecondFactorView:
    """Tell whether the caller has a second factor, and whether they need one."""
    return await second_factor.get_state(session, actor, settings=parts.settings)


@router.post("", status_code=201)
async def begin(actor: PersonDep, parts: PartsDep, proof: Proof) -> NewSecondFactor:
    """Make a secret for an authenticator app; it counts once it is confirmed."""
    async with _proved(parts, actor, proof), parts.db.transaction() as session:
        return await second_factor.begin(session, actor, keyring=parts.keyring)


@router.post("/confirm")
async def confirm(actor: PersonDep, parts: PartsDep, first: FirstCode) -> RecoveryCodes:
    """Turn the second factor on; the answer is the only place that shows the recovery codes."""
    async with parts.db.transaction() as session:
        return await second_factor.confirm(
            session, actor, code=first.code, keyring=parts.keyring
        )


@router.post("/recovery-codes")
async def make_recovery_codes(
    actor: PersonDep, parts: PartsDep, proof: Proof
) -> RecoveryCodes:
    """Make fresh recovery codes; the older ones stop working."""
    async with _proved(parts, actor, proof), parts.db.transaction() as session:
        return await second_factor.make_codes(session, actor)


@router.post("/remove", status_code=204)
async def turn_off(actor: PersonDep, parts: PartsDep, proof: Proof) -> None:
    """Turn the second factor off."""
    async with _proved(parts, actor, proof), parts.db.transaction() as session:
        await second_factor.turn_off(session, actor)


@asynccontextmanager
async def _proved(
    parts: ApiParts, actor: Actor, proof: Proof
) -> AsyncGenerator[None, None]:
    async with refusals.counted(parts.db, parts.redis, actor.email):
        password = proof.password.get_secret_value()
        await password_login.prove(parts, actor, password=password)
        yield
