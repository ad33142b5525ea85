"""Where a checkpoint lies, as LangGraph writes it down."""

from langchain_core.runnables import RunnableConfig


def place_in(
    saver_thread: str, checkpoint_id: str = "", *, namespace: str = ""
) -> RunnableConfig:
    """Return the place of a checkpoint of a thread, or of whatever is its newest."""
    named = {"checkpoint_id": checkpoint_id} if checkpoint_id else {}
    return {
        "configurable": {
            "thread_id": saver_thread,
            "checkpoint_ns": namespace,
            **named,
        }
    }
