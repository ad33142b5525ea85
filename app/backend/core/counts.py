"""Numbers of a call of a model within what it can take, since others tell us too."""

from typing import Annotated

from pydantic import Field

# Two such numbers together still fit into a column.
TOKENS_MAX = 1_000_000_000
Tokens = Annotated[int, Field(ge=0, le=TOKENS_MAX)]
Milliseconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
# The price of a call that was made and paid at a runtime that somebody else keeps, who alone knows what it took.
ELSEWHERE = "elsewhere"
