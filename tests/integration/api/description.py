"""The description of the API, which is the same for every installation and takes seconds to make: once for all tests."""

from functools import cache
from pathlib import Path
from typing import Any

from app.backend.api.app import make_api
from tests.stack import settings_of


@cache
def described() -> dict[str, Any]:
    """Return the OpenAPI document."""
    return make_api(settings_of(Path("nowhere"))).openapi()
