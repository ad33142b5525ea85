"""Fields that are drawn from a schema: which control each one has."""

from pydantic import BaseModel, Field

from app.state.provider_form import fields_of, settings_of


class _Form(BaseModel):
    name: str = Field(default="a", max_length=100)
    instructions: str = Field(default="One.\n\nTwo.", max_length=4_000)


def test_long_text_has_several_lines_and_keeps_them() -> None:
    schema = _Form.model_json_schema()
    name, instructions = fields_of(schema, {}, prefix="")

    assert (name.kind, instructions.kind) == ("text", "area")
    assert instructions.value == "One.\n\nTwo."
    assert settings_of(schema, {"instructions": "1\n2\n"}, prefix="") == {
        "instructions": "1\n2"
    }
