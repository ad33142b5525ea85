"""The routes of a running installation, from its OpenAPI document, and requests that fit them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

PARAMETER = re.compile(r"{(\w+)(?::\w+)?}")
# What of each name is asked for, in addresses and bodies alike; others take any value.
TABLES = {
    "agent_id": "agent",
    "agent_ids": "agent",
    "budget_id": "budget",
    "chunk_id": "chunk",
    "collection_id": "collection",
    "collection_ids": "collection",
    "document_id": "document",
    "execution_id": "run",
    "key_id": "api_key",
    "linked_id": "linked_login",
    "llm_model": "model",
    "middleware_id": "middleware",
    "model_id": "model",
    "note_id": "note",
    "provider": "provider",
    "provider_id": "provider",
    "run_id": "run",
    "run_ids": "run",
    "session_id": "session",
    "share_id": "share",
    "task_id": "run",
    "thread_id": "thread",
}
# Parts of addresses that are no ids.
_PLAIN = {"key", "name", "provider", "queue", "step"}
# Ids of what is everybody's, or for administrators alone.
_EVERYBODYS = {"dead_run_id", "group_id", "job_run_id", "tier_id", "user_id"}
# A value for each name that not any text will do for.
_VALUES: dict[str, Any] = {
    "action": "retry",
    "email": "nobody@isolation.invalid",
    "input": {"query": "What?"},
    "level": "view",
    "middleware": "cache",
    "messages": [{"id": "x", "role": "user", "content": "What?"}],
    "name": "probe",
    "provider_type": "scripted",
    "q": "what",
    "query": "What?",
    "scope": "agent",
    "step": 0,
    "tags": ["probe"],
    "type": "scripted",
    "is_enabled": False,
}
_USEFUL = ("email", "scope")
_MULTIPART = "multipart/form-data"


@dataclass(frozen=True)
class Slot:
    """A place for an id in a request."""

    name: str
    place: str
    is_list: bool = False


@dataclass(frozen=True)
class Route:
    """An operation of the API."""

    method: str
    path: str
    is_open: bool
    permissions: frozenset[str]
    parameters: tuple[dict[str, Any], ...] = ()
    body: Mapping[str, Any] = field(default_factory=dict[str, Any])
    takes: str = ""
    gives: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What it is called in reports."""
        return f"{self.method} {self.path}"

    def slots(self) -> Iterator[Slot]:
        """Yield each place for an id."""
        for name in PARAMETER.findall(self.path):
            if name not in _PLAIN | _EVERYBODYS:
                yield Slot(name, "path")
        for parameter in self.parameters:
            if parameter["in"] == "query" and _is_id(
                parameter["name"], parameter["schema"]
            ):
                yield Slot(parameter["name"], "query")
        for name, schema in self.body.get("properties", {}).items():
            if _is_id(name, schema):
                yield Slot(name, "body", is_list="'array'" in str(schema))

    def request(self, ids: Mapping[str, str], *, wanted: Slot | None = None) -> Any:
        """Return the arguments of a request; `ids` says the id for each name, and only `wanted` is put into query and body."""
        request: dict[str, Any] = {
            "method": self.method,
            "url": PARAMETER.sub(lambda found: ids.get(found[1], "0"), self.path),
            "params": {
                one["name"]: _VALUES.get(one["name"], "x")
                for one in self.parameters
                if one["in"] == "query" and one.get("required")
            },
        }
        if self.takes == _MULTIPART:
            request["files"] = {"files": ("probe.txt", b"Nothing.", "text/plain")}
        elif self.takes:
            request["json"] = _sample(self.body)
        if wanted is not None and wanted.place != "path":
            value: Any = ids[wanted.name]
            place = "params" if wanted.place == "query" else "json"
            request[place][wanted.name] = [value] if wanted.is_list else value
        return request


def read_routes(document: Mapping[str, Any]) -> list[Route]:
    """Return all operations that the document describes."""
    schemas = document["components"]["schemas"]
    return [
        _route(method.upper(), path, operation, schemas)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def _route(
    method: str, path: str, operation: Mapping[str, Any], schemas: Mapping[str, Any]
) -> Route:
    security = operation.get("security", [])
    content = operation.get("requestBody", {}).get("content", {})
    takes = (
        "application/json" if "application/json" in content else next(iter(content), "")
    )
    answers = operation["responses"].get("200", {}).get("content", {})
    return Route(
        method=method,
        path=path,
        is_open=not security,
        permissions=frozenset(
            scope for one in security for scopes in one.values() for scope in scopes
        ),
        parameters=tuple(operation.get("parameters", ())),
        body=_resolve(content[takes]["schema"], schemas) if takes else {},
        takes=takes,
        gives=tuple(answers),
    )


def _resolve(schema: Any, schemas: Mapping[str, Any]) -> Any:
    """Return the schema with what it refers to in its place; what refers to itself ends there."""
    if isinstance(schema, list):
        return [_resolve(one, schemas) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        rest = {key: value for key, value in schemas.items() if key != name}
        return _resolve(schemas[name], rest) if name in schemas else {}
    return {key: _resolve(value, schemas) for key, value in schema.items()}


def _is_id(name: str, schema: Mapping[str, Any]) -> bool:
    return name not in _EVERYBODYS and "'format': 'uuid'" in str(schema)


def _sample(schema: Mapping[str, Any], name: str = "") -> Any:
    """Return a value that fits the schema; of an object only what it must have."""
    if name in _VALUES:
        return _VALUES[name]
    for choice in ("anyOf", "oneOf", "allOf"):
        if choice in schema:
            return _sample(schema[choice][0], name)
    if "const" in schema or "enum" in schema:
        return schema.get("const", schema.get("enum", [""])[0])
    match schema.get("type"):
        case "object":
            needed = schema.get("required", [])
            parts = schema.get("properties", {})
            # One of several that are not needed by themselves.
            named = [*needed, *(one for one in _USEFUL if one in parts)]
            return {one: _sample(parts[one], one) for one in named}
        case "array":
            return [_sample(schema["items"])] * schema.get("minItems", 0)
        case "integer" | "number":
            return schema.get("minimum", schema.get("exclusiveMinimum", -1) + 1)
        case "boolean":
            return True
        case _:
            return "x" * max(1, schema.get("minLength", 1))
