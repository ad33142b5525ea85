"""The runtime's services as MCP tools, with a real MCP client."""

from collections.abc import AsyncGenerator
from typing import Any

import pytest
from fastmcp import Client
from fastmcp.client.auth import BearerAuth
from fastmcp.client.transports import StreamableHttpTransport
from fastmcp.exceptions import ToolError

from app.backend.bootstrap import Services
from app.backend.core import ids
from app.backend.core.actor import Actor
from app.backend.core.settings import Settings
from tests.factories.rows import MakeAgent
from tests.isolation import read_all, without_ids
from tests.processes import Fork


@pytest.fixture
async def mcp(
    settings: Settings, own_runtime: Fork, key: str
) -> AsyncGenerator[Client[Any], None]:
    async with connect(settings, key) as made:
        yield made


def connect(settings: Settings, key: str) -> Client[Any]:
    return Client(
        StreamableHttpTransport(f"{settings.runtime_address}/mcp", auth=BearerAuth(key))
    )


async def test_tools_are_described(mcp: Client[Any]) -> None:
    tools = {tool.name: tool for tool in await mcp.list_tools()}

    assert set(tools) == {"run_agent", "search_knowledge", "embed", "chat"}
    assert set(tools["run_agent"].input_schema["required"]) == {"agent_id", "query"}
    assert all(tool.description for tool in tools.values())


async def test_run_agent_gives_its_answer(
    mcp: Client[Any], actor: Actor, make_agent: MakeAgent
) -> None:
    agent = await make_agent(actor, model="scripted/hello")

    result = await mcp.call_tool(
        "run_agent", {"agent_id": str(agent.id), "query": "Hi?"}
    )

    assert result.structured_content is not None
    assert result.structured_content["status"] == "completed"
    assert result.structured_content["output_data"]["answer"].startswith("Hello!")


async def test_chat_and_embed_use_the_local_models(mcp: Client[Any]) -> None:
    messages = [
        {"role": "system", "content": "You are helpful."},
        {"role": "user", "content": "What is the capital of France?"},
    ]

    said = await mcp.call_tool("chat", {"messages": messages, "max_tokens": 12})
    vectors = await mcp.call_tool("embed", {"texts": ["one", "two"]})

    assert "Paris" in str(said.data)
    assert [len(vector) for vector in vectors.data] == [384, 384]


async def test_foreign_and_absent_look_the_same_to_every_tool(
    services: Services,
    mcp: Client[Any],
    actor: Actor,
    other_actor: Actor,
    make_agent: MakeAgent,
) -> None:
    own, foreign = await make_agent(actor), await make_agent(other_actor)
    tools = await mcp.list_tools()
    ids_taken = {
        (tool.name, name)
        for tool in tools
        for name, schema in tool.input_schema["properties"].items()
        if schema.get("format") == "uuid"
    }

    # Made from the tools themselves: one with an id of another name has to be added to this test.
    assert {name for _, name in ids_taken} == {"agent_id"}
    for tool, _ in ids_taken:
        before = await read_all(services)
        absent, theirs = [
            without_ids(await _said(mcp, tool, str(wanted)))
            for wanted in (ids.new_id(), foreign.id)
        ]
        assert await read_all(services) == before
        mine = without_ids(await _said(mcp, tool, str(own.id)))

        assert theirs == absent
        assert "or it is not yours" in absent
        assert mine != absent, f"{tool} asks for nothing, so it proves nothing."


async def _said(mcp: Client[Any], tool: str, agent_id: str) -> str:
    asked = {"agent_id": agent_id, "query": "Hi?"}
    result = await mcp.call_tool(tool, asked, raise_on_error=False)
    return str(result.content)


async def test_prompt_beyond_the_window_is_an_error(mcp: Client[Any]) -> None:
    with pytest.raises(ToolError, match="does not fit"):
        await mcp.call_tool(
            "chat", {"messages": [{"role": "user", "content": "fox " * 3000}]}
        )


async def test_internal_token_acts_for_nobody(
    settings: Settings,
    own_runtime: Fork,
    services: Services,
    actor: Actor,
    make_agent: MakeAgent,
) -> None:
    del own_runtime
    agent = await make_agent(actor)
    async with connect(settings, services.keyring.token("runtime")) as internal:
        with pytest.raises(ToolError, match="acts for nobody"):
            await internal.call_tool(
                "run_agent", {"agent_id": str(agent.id), "query": "Hi?"}
            )


async def test_wrong_key_opens_nothing(settings: Settings, own_runtime: Fork) -> None:
    del own_runtime
    with pytest.raises(Exception, match="error response"):
        async with connect(settings, "wrong"):
            pass
