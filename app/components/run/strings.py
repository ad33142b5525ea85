"""Words of everything that shows a run."""

QUESTION = "Question"
ASK = "Ask in plain words"
ASK_JSON = "Ask as JSON"
ASK_FOLLOW_UP = "Ask a follow-up"
PLACEHOLDER = "What do you want to know?"
PLACEHOLDER_JSON = '{"query": "What do you want to know?"}'
WORDS = "Words"
JSON = "JSON"
JSON_OK = "This is a usable input"
RUN = "Run"
RUN_HINT = "Enter runs, Shift+Enter makes a new line"
STOP = "Stop"
STOPPING = "Stopping…"
RETRY = "Retry"
RESUME = "Resume"
SUGGESTED = "Try one of these"
ANSWER = "Answer"
STOPPED_NOTE = "Stopped. The text so far is kept."
WAITING = "Waiting for a worker"
WORKING = "Working"
SOURCES = "Sources"
NOTHING = "Nothing in your documents answers this"
NOTHING_TEXT = "No model was asked. These passages came nearest:"
NOTHING_NEAR = (
    "No passage came near. Add documents that cover it, or ask in other words."
)
SCORE = "score "
SCORE_ABOUT = "How near its meaning is: 1.00 is the same"
PAGE = "page "
FAILED = "The run failed"
TIMED_OUT = "The run ran out of time"
HISTORY = "Runs"
HISTORY_EMPTY = "Runs of this agent appear here."
ALL_RUNS = "All runs"
EARLIER = "Earlier in this conversation"
OPEN_RUN = "Open run"
INPUT_EXTRA = "The rest of the input"
PASSAGE = "Passage"
OPEN_DOCUMENT = "Open the document"
CLOSE = "Close"
CONNECTION = {
    "lost": "Reconnecting… your agents keep running",
    "back": "Back online",
    "caught": "Back online, caught up {n} events",
    "caught_one": "Back online, caught up 1 event",
}
