"""Words of the pages that show an agent at work."""

AGENT = "Agent"
AGENTS = "Agents"
RUN = "Run"
RUNS = "Runs"
ANOTHER_RUN = "an earlier run"
PARENT_RUN = "another run"
RUNS_ABOUT = "Everything your agents were asked, newest first."
LOADING = "Loading…"
EDIT = "Edit"
NEW_CONVERSATION = "New conversation"
QUOTES = "Passages only"
REMOTE = "Runs elsewhere"
ARCHIVED = "Archived"
LOG = "Log"
DETAILS = "Details"
MISSING_AGENT = "There is no such agent"
MISSING_AGENT_TEXT = (
    "It was deleted, or it is not shared with you. Your runs and their logs stay."
)
TO_AGENTS = "See your agents"
MISSING_RUN = "There is no such run"
MISSING_RUN_TEXT = "The address is wrong, or it is not yours."
TO_RUNS = "See your runs"
RETRY = "Retry"
RESUME = "Resume"
OPEN_AGENT = "Ask this agent"
SMALL_MODEL = "This agent uses the small model that comes with Atelier: it is quick and private, but often brief or wrong. Connect a better one on the page "
SMALL_MODEL_LINK = "Models"
SMALL_MODEL_END = ", then choose it under Edit."
STATUS = "Status"
AGENT_LABEL = "Agent"
ALL_STATUSES = "Any status"
ALL_AGENTS = "All agents"
NO_RUNS = "No runs yet"
NO_RUNS_TEXT = "Ask an agent something, and its run appears here with its whole log."
NO_MATCH = "No run matches"
NO_MATCH_TEXT = "You have runs, but none is what all these filters together ask for."
CLEAR = "Clear filters"
MORE = "Show more"
SEARCH_RUNS = "Search questions and errors"
STARTED_BY = "Started by"
ANY_TRIGGER = "By anyone"
TRIGGERS = (
    ("user", "By a person"),
    ("api", "By a program"),
    ("schedule", "By a schedule"),
    ("channel", "By a channel"),
    ("run", "By another run"),
)
WHEN = "Time"
ANY_TIME = "Any time"
STRETCHES = (
    ("1h", "Last hour"),
    ("24h", "Last 24 hours"),
    ("7d", "Last 7 days"),
    ("30d", "Last 30 days"),
    ("days", "From a day to a day"),
)
SINCE = "From this day on (UTC)"
UNTIL = "Up to this day (UTC)"
TAG = "Tag"
FACTS = {
    "model": "Model",
    "trigger": "Started by",
    "created": "Asked",
    "took": "Took",
    "tokens": "Tokens in, out",
    "cost": "Cost",
    "context": "Context",
    "attempt": "Attempt",
    "origin": "Follows",
    "fork": "Fork of",
    "parent": "Part of",
    "id": "Run",
    "correlation": "Correlation",
}
STATUSES = (
    ("queued", "Queued"),
    ("running", "Running"),
    ("waiting", "Needs you"),
    ("waiting_for_run", "Waits for a run"),
    ("completed", "Completed"),
    ("failed", "Failed"),
    ("stopped", "Stopped"),
    ("timed_out", "Limit reached"),
    ("dead", "Failed: workers lost"),
)
