"""Settings → rx.Config, nothing else."""

import reflex as rx

from app.backend.core import settings as settings_module
from app.frontend import Portable
from app.theme import TAILWIND

settings = settings_module.load()

config = rx.Config(
    app_name="app",
    app_module_import="app.app",
    redis_url=settings.redis_url or None,
    telemetry_enabled=False,
    show_built_with_reflex=False,
    default_color_mode="system",
    react_strict_mode=False,
    frontend_lazy_bundled_libraries=True,
    frontend_compression_formats=["brotli", "gzip"],
    cors_allowed_origins=[],
    trusted_proxy_hops=settings.trusted_proxies,
    loglevel=rx.constants.LogLevel.WARNING,
    plugins=[rx.plugins.TailwindV4Plugin(TAILWIND), Portable()],
    disable_plugins=[rx.plugins.SitemapPlugin],
)
