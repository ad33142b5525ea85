"""Paths of the pages, and builders for those with an id."""

from typing import Any
from urllib.parse import quote, urlencode

import reflex as rx

DASHBOARD = "/"
LOGIN = "/login"
SIGN_UP = "/signup"
FORGOT_PASSWORD = "/forgot-password"  # noqa: S105 - a path
LOGIN_CODE = "/login-code"
LOGIN_WAYS = "/api/auth/oauth/ways"
SECOND_FACTOR = "/second-factor"
FIRST_RUN = "/first-run"
CHOOSE_PASSWORD = "/choose-password"  # noqa: S105 - a path
AGENTS = "/agents"
AGENT = "/agents/[agent_ref]"
AGENT_NEW = "/agents/new"
AGENT_EDIT = "/agents/[agent_ref]/edit"
RUNS = "/runs"
RUN = "/runs/[run_ref]"
KNOWLEDGE = "/knowledge"
COLLECTION = "/knowledge/[collection_ref]"
DOCUMENT = "/documents/[document_ref]"
MODELS = "/models"
PLAYGROUND = "/playground"
USAGE = "/usage"
SETTINGS = "/settings"
SYSTEM = "/system"
PEOPLE = "/people"
GROUPS = "/people?show=groups"
TIERS = "/people?show=tiers"
AUDIT = "/audit"

# An id is a str or UUID on the server, or a Reflex var that is joined in the browser: hence `+`, and `Any`.


def agents_path(text: str = "", *, show: str = "") -> str:
    """Return the list of agents as it is searched and filtered: `shared`, `public`, `archived`, or one's own."""
    asked = {"q": text, "show": show}
    query = urlencode({name: value for name, value in asked.items() if value})
    return f"{AGENTS}?{query}" if query else AGENTS


def knowledge_path(*, show: str) -> str:
    """Return the list of collections: those that are `shared` with the reader."""
    return f"{KNOWLEDGE}?{urlencode({'show': show})}"


def agent_path(agent_id: Any, run_id: Any = None) -> Any:
    """Return the page of one agent, with one of its runs open when asked."""
    path = AGENTS + "/" + _text(agent_id)
    return path if run_id is None else path + "?run=" + _text(run_id)


def agent_edit_path(agent_id: Any) -> Any:
    """Return the editor of one agent."""
    return agent_path(agent_id) + "/edit"


def runs_path(*, tag: str) -> str:
    """Return the list of the runs with a tag."""
    return f"{RUNS}?{urlencode({'tag': tag})}"


def runs_between_path(since: str, until: str, *, agent: str = "") -> str:
    """Return the list of the runs of some days, of one agent when asked."""
    asked = {"when": "days", "since": since, "until": until, "agent": agent}
    query = urlencode({name: value for name, value in asked.items() if value})
    return f"{RUNS}?{query}"


def run_path(run_id: Any) -> Any:
    """Return the page of one run."""
    return RUNS + "/" + _text(run_id)


def collection_path(collection_id: Any) -> Any:
    """Return the page of one collection."""
    return KNOWLEDGE + "/" + _text(collection_id)


def document_path(document_id: Any, chunk_id: Any = None) -> Any:
    """Return the page of one document, with one passage highlighted when asked."""
    path = "/documents/" + _text(document_id)
    return path if chunk_id is None else path + "?chunk=" + _text(chunk_id)


def agent_template_path(key: Any) -> Any:
    """Return the page of a new agent that starts from a template."""
    return AGENT_NEW + "?template=" + _text(key)


def document_file_path(document_id: Any) -> Any:
    """Return the address of a document's original."""
    return "/api/v1/documents/" + _text(document_id) + "/download"


def upload_path(collection_id: Any) -> Any:
    """Return the address that takes a collection's uploads."""
    return "/api/v1/collections/" + _text(collection_id) + "/documents"


def login_path(then: str = "") -> str:
    """Return the login page that comes back to `then`."""
    return f"{LOGIN}?next={quote(then, safe='')}" if then else LOGIN


def outside_login_path(key: str, *, then: str = "", link: str = "") -> str:
    """Return the address that leads to a service where one signs in, and from there back to `then`."""
    asked = {"next": then, "link": link}
    query = urlencode({name: value for name, value in asked.items() if value})
    path = f"/api/auth/oauth/{key}/start"
    return f"{path}?{query}" if query else path


def choose_password_path(token: str) -> str:
    """Return the page where a one-time link sets a password."""
    return f"{CHOOSE_PASSWORD}?{urlencode({'token': token})}"


def usage_export_path(wanted: dict[str, str]) -> str:
    """Return the address of the calls of models as a file."""
    return f"/api/v1/usage/export?{urlencode(wanted)}"


def audit_export_path(wanted: dict[str, Any]) -> str:
    """Return the address of the audit as a file, or of what a filter keeps of it."""
    query = urlencode(wanted)
    return "/api/v1/audit/export" + (f"?{query}" if query else "")


def _text(value: Any) -> Any:
    return value.to(str) if isinstance(value, rx.Var) else str(value)
