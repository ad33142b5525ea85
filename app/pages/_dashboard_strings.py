"""Words of the dashboard."""

TITLE = "Dashboard"
ABOUT = "What is running, what ran, and whether everything works."
AGENTS = "Agents"
ALL_AGENTS = "All agents"
NEW_AGENT = "New agent"
NO_AGENTS = "No agents yet"
NO_AGENTS_TEXT = (
    "An agent is a set of instructions, a model and the documents to answer from."
)
RUNNING = "Running now"
IDLE = "Nothing is running. Ask one of your agents something."
RECENT = "Recent runs"
ALL_RUNS = "All runs"
NO_RUNS = "No runs yet"
NO_RUNS_TEXT = (
    "Click a suggested question above, and its run appears here with its whole log."
)
COMPLETED_TODAY = "completed in 24 h"
FAILED_TODAY = "failed in 24 h"
MODEL_TITLE = "The model that ships is small"
MODEL_TEXT = (
    "SmolLM2 135M runs on any machine and answers short questions from your documents. "
    "For more, "
)
MODEL_LINK = "connect Ollama or another service"
MODEL_TEXT_END = ", then choose its model in an agent."
