"""Finds the guards in the code, and rewrites it so that each can be taken away while it runs."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from typing_extensions import TypeIs, override

from app.backend.core.actor import Permission
from app.backend.identity.sharing_schemas import Level

SWITCH = "mutant_switch"
# The door itself: without it nothing is anybody's, and every test of isolation fails.
_PASSED_OVER = {"app/backend/core/rows.py"}
# At the edges; what a service asks again is the second wall behind them.
_NEEDS = {"may", "need", "edge.requires"}
# Where a service says which level of a share it takes.
_LEVELS = {"need_agent", "need_collection", "need_level"}
# It stands in for permissions whose check is away: every role has it.
EVERYBODYS = Permission.VIEW_AGENT
_DOORS = {"visible_to": "rows", "owned_by": "rows", "is_visible": "condition"}
_OWN_CHECKS = {"get_agent", "get_run", "_find_run", "_find_agent"}
_YES_OR_NO = {"is_same_origin", "is_still_signed_in"}


class Guard(StrEnum):
    """Kinds of guards."""

    DOOR = "filter by owner"
    OWNER = "comparison of owners"
    PERMISSION = "permission"
    LEVEL = "level of a share"
    SOCKET = "ownership on a socket"
    ORIGIN = "origin or login of a socket"
    POLICY = "policy of PostgreSQL"


@dataclass(frozen=True)
class Site:
    """A guard: the how-manieth it is, of which kind, and where."""

    number: int
    guard: Guard
    path: str
    where: str
    text: str

    @property
    def name(self) -> str:
        """What it is called in reports and in the list of those that may survive; without line numbers, which change."""
        return f"{self.path}:{self.where}: {self.text}"


def rewrite(root: Path) -> list[Site]:
    """Rewrite the code below `root` in place, and return its guards."""
    sites: list[Site] = []
    folders = ("app/backend", "app/state")
    for path in sorted(
        file for name in folders for file in (root / name).rglob("*.py")
    ):
        name = str(path.relative_to(root))
        if name in _PASSED_OVER:
            continue
        tree = ast.parse(path.read_text())
        rewriter = _Rewriter(name, len(sites))
        changed = ast.fix_missing_locations(rewriter.visit(tree))
        if rewriter.sites:
            place = 1 + next(
                (n for n, one in enumerate(changed.body) if _is_future(one)), 0
            )
            changed.body.insert(place, ast.parse(f"import {SWITCH}").body[0])
            path.write_text(ast.unparse(changed))
            sites += rewriter.sites
    return sites


def _is_future(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.ImportFrom) and statement.module == "__future__"


class _Rewriter(ast.NodeTransformer):
    """Puts the switch around each guard of one file."""

    def __init__(self, path: str, first: int) -> None:
        self.sites: list[Site] = []
        self._path, self._first = path, first
        self._within: list[str] = []

    @override
    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        return self._visit_named(node)

    @override
    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._visit_named(node)

    @override
    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self._visit_named(node)

    @override
    def visit_Call(self, node: ast.Call) -> ast.AST:
        name = _last_name(node.func)
        text = ast.unparse(node)
        self.generic_visit(node)
        if name in _DOORS:
            number = self._add(Guard.DOOR, text)
            return _call(_DOORS[name], number, node.func, *node.args)
        if ast.unparse(node.func) in _NEEDS:
            node.args = [self._permission(one, text) for one in node.args]
        if name in _LEVELS:
            node.args = [self._level(one, text) for one in node.args]
        if name in _YES_OR_NO and self._path.startswith("app/backend/api/"):
            return self._yes_or_no(node, text)
        return node

    @override
    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        text = ast.unparse(node)
        self.generic_visit(node)
        sides = [node.left, *node.comparators]
        # Two columns that are compared join tables.
        is_owner = _is_owner(sides[0]) and not _is_column(sides[1])
        if not is_owner or not isinstance(node.ops[0], ast.Eq | ast.NotEq):
            return node
        number = self._add(Guard.OWNER, text)
        is_same = ast.keyword("is_same", ast.Constant(isinstance(node.ops[0], ast.Eq)))
        call = _call("owner", number, _lambda(node))
        call.keywords.append(is_same)
        return call

    @override
    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        text = ast.unparse(node)
        self.generic_visit(node)
        awaited = node.value
        if not (isinstance(awaited, ast.Await) and isinstance(awaited.value, ast.Call)):
            return node
        is_api = self._path.startswith("app/backend/api/")
        if not is_api or _last_name(awaited.value.func) not in _OWN_CHECKS:
            return node
        number = self._add(Guard.SOCKET, text)
        # What a lambda would await itself stands outside of it.
        node.value = ast.Await(_call("look", number, _lambda(awaited.value)))
        if any(isinstance(one, ast.Await) for one in ast.walk(awaited.value)):
            self.sites.pop()
            node.value = awaited
        return node

    def _visit_named(self, node: ast.AST) -> ast.AST:
        self._within.append(node.name)  # pyright: ignore[reportAttributeAccessIssue] - classes and functions have one
        self.generic_visit(node)
        self._within.pop()
        return node

    def _permission(self, node: ast.expr, text: str) -> ast.expr:
        wanted = ast.unparse(node).removeprefix("Permission.")
        # Nobody lacks the one that stands in for those that are away.
        if wanted not in Permission.__members__ or wanted == EVERYBODYS.name:
            return node
        return _call("permission", self._add(Guard.PERMISSION, text), node)

    def _level(self, node: ast.expr, text: str) -> ast.expr:
        wanted = ast.unparse(node).removeprefix("Level.")
        if wanted not in Level.__members__ or wanted == Level.VIEW.name:
            return node
        return _call("level", self._add(Guard.LEVEL, text), node)

    def _yes_or_no(self, node: ast.Call, text: str) -> ast.Call:
        if _last_name(node.func) == "is_still_signed_in":
            return _call("signed_in", self._add(Guard.ORIGIN, text), _lambda(node))
        return _call("holds", self._add(Guard.ORIGIN, text), _lambda(node))

    def _add(self, guard: Guard, what: ast.AST | str) -> int:
        text = what if isinstance(what, str) else ast.unparse(what)
        number = self._first + len(self.sites)
        where = ".".join(self._within)
        self.sites.append(Site(number, guard, self._path, where, text))
        return number


def names(sites: list[Site]) -> Iterator[tuple[str, Site]]:
    """Yield each guard with its name; of several with the same the later ones are counted."""
    seen: dict[str, int] = {}
    for site in sites:
        seen[site.name] = seen.get(site.name, 0) + 1
        count = seen[site.name]
        yield site.name if count == 1 else f"{site.name} ({count})", site


def _is_owner(node: ast.expr) -> bool:
    """Tell whether it says whose a row is, or in a query with whom one is shared."""
    if _is_column(node):
        return _last_name(node.args[0]) in {"owner_id", "user_id"}
    return isinstance(node, ast.Attribute) and node.attr == "owner_id"


def _is_column(node: ast.expr) -> TypeIs[ast.Call]:
    return isinstance(node, ast.Call) and _last_name(node.func) == "col"


def _last_name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _call(function: str, number: int, *args: ast.expr) -> ast.Call:
    name = ast.parse(f"{SWITCH}.{function}", mode="eval").body
    return ast.Call(name, [ast.Constant(number), *args], [])


def _lambda(body: ast.expr) -> ast.Lambda:
    return ast.Lambda(ast.arguments([], [], None, [], [], None, []), body)
