"""Providers as something that their owner shares: others use them with the owner's key, which they never see."""

from app.backend.core.actor import Permission
from app.backend.identity.sharing import Shareable
from app.backend.identity.sharing_schemas import Level
from app.backend.providers.service import need_own
from app.backend.providers.tables import ProviderShareRow

PROVIDERS = Shareable(
    kind="provider",
    table=ProviderShareRow,
    levels=(Level.RUN,),
    permission=Permission.CHANGE_PROVIDER,
    need_own=need_own,
)
