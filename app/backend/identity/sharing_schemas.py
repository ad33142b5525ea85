"""What sharing shows and takes: levels, shares, groups."""

from enum import StrEnum
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, StringConstraints, model_validator

from app.backend.core.paging import Listed
from app.backend.core.texts import STORABLE
from app.backend.identity.schemas import Email


class Level(StrEnum):
    """What somebody may do with an object; each includes those before it, and `own` is never shared."""

    VIEW = "view"
    RUN = "run"
    EDIT = "edit"
    OWN = "own"

    def covers(self, other: "Level") -> bool:
        """Tell whether whoever has this level may do what `other` allows."""
        levels = list(Level)
        return levels.index(self) >= levels.index(other)


class Shown(StrEnum):
    """Which objects a list shows: the asker's own, those that others share with them, or those for everybody."""

    MINE = "mine"
    SHARED = "shared"
    PUBLIC = "public"


GroupName = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=100),
    STORABLE,
]


class ShareDraft(BaseModel):
    """With whom to share, a person by their address or a group by its id, and up to which level."""

    model_config = ConfigDict(frozen=True)

    email: Email | None = None
    group_id: UUID | None = None
    level: Level

    @model_validator(mode="after")
    def _check_audience(self) -> Self:
        if (self.email is None) == (self.group_id is None):
            message = "Name either the e-mail address of a person or a group"
            raise ValueError(message)
        return self


class ShareView(Listed):
    """A person or a group with whom something is shared; `name` is an address or the group's name."""

    name: str
    user_id: UUID | None
    group_id: UUID | None
    level: Level


class PublicDraft(BaseModel):
    """Whether everybody who is signed in may run an agent."""

    model_config = ConfigDict(frozen=True)

    is_public: bool


class GroupDraft(BaseModel):
    """A group to be made or renamed."""

    model_config = ConfigDict(frozen=True)

    name: GroupName


class GroupView(Listed):
    """A group and how many people are in it."""

    name: str
    members: int = 0


class MemberView(Listed):
    """A person in a group."""

    email: str
    display_name: str


class MemberDraft(BaseModel):
    """Whom to add to a group."""

    model_config = ConfigDict(frozen=True)

    email: Email
