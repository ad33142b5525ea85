"""What is known of the models that the settings make."""

from dataclasses import dataclass

from app.backend.core.errors import Invalid
from app.backend.core.settings import SHIPPED_MODEL


@dataclass(frozen=True)
class Capabilities:
    """What a model can do, and a word of warning for who chooses it."""

    can_call_tools: bool = False
    note: str = ""


SHIPPED_NOTE = (
    "The model that comes with Atelier is small (135 million parameters): it answers one-fact questions from your documents, "
    "without a key and on any machine. For better answers connect a provider under Models, or a larger GGUF file (ATELIER_LOCAL_MODEL_PATH)."
)
LOCAL_NOTE = "Your GGUF file, run on this machine's processor, one answer at a time."
DEMO_NOTE = "Plays a script, without a language model: for trying things out."

_KNOWN = {
    f"local/{SHIPPED_MODEL}": Capabilities(note=SHIPPED_NOTE),
    "local": Capabilities(note=LOCAL_NOTE),
    "scripted": Capabilities(can_call_tools=True, note=DEMO_NOTE),
    "ollama": Capabilities(can_call_tools=True),
    "openai": Capabilities(can_call_tools=True),
}


def find_capabilities(name: str) -> Capabilities:
    """Return what is known of the model `provider/model`, or else of its provider."""
    return _KNOWN.get(name) or _KNOWN.get(name.split("/", 1)[0]) or Capabilities()


def need_tools(name: str, *, can_call_tools: bool) -> None:
    """Raise Invalid when the model cannot choose tools."""
    if not can_call_tools:
        message = f"{name} cannot choose tools. Choose a model that can; what a model can do is set under Models."
        raise Invalid.field("model", message)
