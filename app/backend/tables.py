"""Imports every table, so that the metadata is whole for migrations."""

from sqlmodel import SQLModel

from app.backend.agents import tables as agents
from app.backend.budgets import tables as budgets
from app.backend.core import outbox, sealing
from app.backend.files import tables as files
from app.backend.identity import tables as identity
from app.backend.knowledge import tables as knowledge
from app.backend.middleware import tables as middleware
from app.backend.models import tables as models
from app.backend.providers import tables as providers
from app.backend.runs import tables as runs
from app.backend.secrets import tables as secrets
from app.backend.threads import tables as threads
from app.backend.tools import tables as tools
from app.backend.usage import tables as usage

TABLES = (
    agents,
    budgets,
    outbox,
    sealing,
    files,
    identity,
    knowledge,
    middleware,
    models,
    providers,
    runs,
    secrets,
    threads,
    tools,
    usage,
)
metadata = SQLModel.metadata
