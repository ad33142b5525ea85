"""Routes of models."""

from fastapi import APIRouter
from pydantic import BaseModel

from app.backend.api.deps import PartsDep, may
from app.backend.core.actor import Permission
from app.backend.models.schemas import ModelView

router = APIRouter(prefix="/api/v1/models", tags=["models"])


class ModelList(BaseModel):
    """The models that agents can use."""

    items: list[ModelView]
    next_cursor: None = None


@router.get("", dependencies=[may(Permission.VIEW_AGENT)])
async def list_models(parts: PartsDep) -> ModelList:
    """List the models of the providers that are set up, the default first."""
    return ModelList(items=await parts.models.list())
