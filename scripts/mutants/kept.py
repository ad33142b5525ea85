"""Guards that may go without a test that misses them, each with the wall that stands behind it."""

_SHARED = "It finds among those that are shared with whoever asks."
_TAGS = "The tags of a run are its owner's, and the run is asked for with `visible_to`; this is for the index."
_WORDS = "The words of a run carry a mark of its owner, which is asked for, and the run is asked for with `visible_to`."
_AGENTS = "app/backend/agents/repository.py"
_LISTS = "app/backend/runs/list_repository.py"
_BY_WORDS = "app/backend/runs/word_repository.py"

KEPT: dict[str, str] = {
    f"{_AGENTS}:_shown_to: visible_to(actor, AgentRow)": _SHARED,
    f"{_AGENTS}:_shown_to: visible_to(actor, AgentRow) (2)": "It finds among those that are for everybody.",
    "app/backend/knowledge/repository.py:list_collections: visible_to(actor, CollectionRow)": _SHARED,
    "app/backend/runs/filters.py:has_tags: col(RunTagRow.owner_id) == owner_id": _TAGS,
    f"{_LISTS}:replace_tags: col(RunTagRow.owner_id) == actor.user_id": _TAGS,
    f"{_LISTS}:_in_order: col(RunTagRow.owner_id) == actor.user_id": _TAGS,
    f"{_BY_WORDS}:_query: visible_to(actor, RunRow)": _WORDS,
    f"{_BY_WORDS}:list_by_words: col(RunTextRow.owner_id) == actor.user_id": _WORDS,
}
