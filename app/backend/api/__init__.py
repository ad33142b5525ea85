"""The HTTP, SSE, websocket and MCP edge."""
