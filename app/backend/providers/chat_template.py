"""Turns chat messages into the prompt a local model was trained on."""

import contextlib
import re
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

from app.backend.core import clock
from app.backend.providers.gguf import Gguf

CHATML = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
_CHATML_TOKENS = ["<|im_start|>", "<|im_end|>"]

Message = dict[str, str]
Render = Callable[[Sequence[Message]], str]

_TEMPLATE_ERRORS = (jinja2.TemplateError, TypeError, ValueError)
_TRIAL = [
    {"role": "system", "content": "s"},
    {"role": "user", "content": "u"},
    {"role": "assistant", "content": "a"},
    {"role": "user", "content": "u"},
]


def make_renderer(model: Gguf) -> Render:
    """Return the function that writes a prompt for `model`.

    It uses the template inside the model file, or ChatML when there is none that works. Control tokens
    inside a message lose their meaning: a document cannot end the turn and speak as somebody else.
    """
    write = _writer(model)
    tokens = model.control_tokens or _CHATML_TOKENS
    control = re.compile("|".join(re.escape(token) for token in tokens))

    def render(messages: Sequence[Message]) -> str:
        return write(
            [
                {**message, "content": control.sub(_break_up, message["content"])}
                for message in messages
            ]
        )

    return render


def _writer(model: Gguf) -> Render:
    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)

    def compiled(source: str) -> Render:
        template = environment.from_string(source)
        return lambda messages: template.render(
            messages=messages,
            add_generation_prompt=True,
            bos_token=model.token("bos"),
            eos_token=model.token("eos"),
            raise_exception=_refuse,
            strftime_now=lambda form: clock.now().strftime(form),
        )

    if model.chat_template:
        with contextlib.suppress(*_TEMPLATE_ERRORS):
            own = compiled(model.chat_template)
            own(_TRIAL[1:])
            return (
                own
                if _works(own, _TRIAL)
                else lambda messages: own(_fold_system(messages))
            )
    return compiled(CHATML)


def _works(write: Render, messages: Sequence[Message]) -> bool:
    try:
        write(messages)
    except _TEMPLATE_ERRORS:
        return False
    return True


def _fold_system(messages: Sequence[Message]) -> list[Message]:
    # Some models know no system role: what it says goes in front of the first question.
    system = "\n\n".join(
        message["content"] for message in messages if message["role"] == "system"
    )
    rest = [dict(message) for message in messages if message["role"] != "system"]
    if system and rest:
        rest[0]["content"] = f"{system}\n\n{rest[0]['content']}"
    return rest


def _break_up(found: re.Match[str]) -> str:
    # A word joiner after the first character: it reads the same and is not the token any more.
    text = found.group()
    return f"{text[0]}\u2060{text[1:]}"


def _refuse(message: Any) -> NoReturn:
    raise jinja2.TemplateError(str(message))
