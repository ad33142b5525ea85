"""A real OpenAI-compatible server: llama.cpp on the shipped model. `python -m … MODEL PORT KEY`."""

import importlib
import signal
import sys
from typing import Any

CONTEXT = 512


def main() -> None:
    """Serve until told to end."""
    model, port, key = sys.argv[1:]
    # It ships no types.
    xllamacpp: Any = importlib.import_module("xllamacpp")
    parameters = xllamacpp.CommonParams()
    parameters.model.path = model
    parameters.model_alias = {"smollm"}
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = int(port)
    parameters.api_keys = [key]
    parameters.n_ctx = CONTEXT
    parameters.n_parallel = 1
    parameters.cpuparams.n_threads = 1
    parameters.cpuparams_batch.n_threads = 1
    parameters.warmup = False
    _server = xllamacpp.Server(parameters)
    signal.pause()


if __name__ == "__main__":
    main()
