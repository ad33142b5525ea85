"""Words of the pages that list and edit agents."""

AGENTS = "Agents"
AGENTS_ABOUT = "Each one answers in its own way, from the documents you give it."
NEW = "New agent"
MINE = "Mine"
TABS = (
    ("shared", "Shared with me"),
    ("public", "Public"),
    ("archived", "Archived"),
)
SEARCH = "Search agents"
MORE = "Show more"
CLEAR = "Clear search"
BACK = "Show your agents"
NO_MATCH = "No agent matches"
NO_MATCH_TEXT = "Try another word, or clear the search."
NOTHING = {
    "shared": (
        "users",
        "Nothing is shared with you",
        "When somebody shares an agent with you, or with a group that you are in, it stands here.",
    ),
    "public": (
        "globe",
        "No agent is public",
        "Everybody who is signed in may run a public agent. You make one of yours public under Share.",
    ),
    "archived": (
        "archive",
        "Nothing is archived",
        "Agents that you archive wait here until you bring them back.",
    ),
}
NO_AGENTS = "No agents yet"
NO_AGENTS_TEXT = "An agent is a set of instructions, a model and the documents to answer from. Start from a template."
DELETE = "Delete"
DELETE_TITLE = "Delete "
DELETE_TEXT = "The agent is gone for good. Its runs and their logs stay."
