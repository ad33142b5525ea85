"""A model file that nobody has added to an installation yet."""

import shutil
from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from app.backend.core.settings import Settings
from app.backend.models.files import CHAT

NAME = "tiny-model"


def copy_model(settings: Settings, folder: Path) -> Path:
    """Return a copy of the model that comes with the product, which is called `local/<NAME>` once it is added."""
    path = folder / f"{NAME}.gguf"
    shutil.copyfile(CHAT.path(settings.models_dir), path)
    return path


@contextmanager
def serve_folder(folder: Path) -> Generator[str, None, None]:
    """Give the files of `folder` on loopback; yields the address."""
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()
