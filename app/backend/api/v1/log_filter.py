"""What the routes of a run's log ask for alike: who may see runs, and which events they want."""

from typing import Annotated

from fastapi import Depends, Query
from pydantic import AwareDatetime

from app.backend.api.deps import may
from app.backend.core.actor import Actor, Permission
from app.backend.core.run_events import Level
from app.backend.core.texts import Text
from app.backend.runs.schemas import EventFilter

Viewer = Annotated[Actor, may(Permission.VIEW_RUN)]
Regex = Annotated[
    bool, Query(description="`q` is a regular expression, as RE2 takes it.")
]
Case = Annotated[bool, Query(description="`q` minds upper and lower case.")]


def read_filter(
    q: Annotated[Text, Query(max_length=200, description="Text in the event.")] = "",
    type: Annotated[list[Text] | None, Query(description="Only these types.")] = None,  # noqa: A002 - the word of the API
    level: Annotated[Level | None, Query(description="From this level on.")] = None,
    since: Annotated[
        AwareDatetime | None, Query(description="From this moment on.")
    ] = None,
    until: Annotated[
        AwareDatetime | None, Query(description="Up to this moment.")
    ] = None,
    regex: Regex = False,
    case: Case = False,
) -> EventFilter:
    """Return the filter of the query, of the whole log."""
    return EventFilter(
        types=type or [],
        level=level,
        since=since,
        until=until,
        text=q,
        is_regex=regex,
        is_case=case,
    )


Wanted = Annotated[EventFilter, Depends(read_filter)]
