"""Words of the usage page."""

TITLE = "Usage"
ABOUT = "What the calls of models took, and what they cost."
DOWNLOAD = "Download CSV"
SINCE = "From day (UTC)"
UNTIL = "To day (UTC)"
GROUP = "Add up by"
GROUPS = (
    ("agent", "By agent"),
    ("model", "By model"),
    ("provider", "By provider"),
    ("day", "By day"),
)
USERS = ("user", "By user")
EVERYONE = "Usage of all users"
CLEAR = "Show everything"
COST = "Cost"
TOKENS = "Tokens in, out"
CALLS = "Calls"
FAILED = "Failed"
CACHED = "From caches"
LATENCY = "Latency, p50 and p95"
PER_DAY = "Per day"
HEADS = ("Name", COST, TOKENS, CALLS, FAILED, CACHED, LATENCY, "")
RUNS = "Runs"
ONLY = "Only this"
NOTHING = "No model was asked"
NOTHING_TEXT = "Calls of models show up here as soon as a run has made one."
