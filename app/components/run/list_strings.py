"""Words of the list of runs."""

RUNS = "Runs"
PICK = "Pick"
PICK_RUN = "Pick: "
PICK_ALL = "Pick all on this page"
PICKED = " picked"
STATUS = "Status"
QUESTION = "Question"
TOOK = "Took"
COST = "Cost"
ASKED = "Asked"
ASKED_BY_RUN = ", asked by another run"
ACTIONS_FOR = "Actions for: "
ONLY_TAG = "Show only runs with this tag"
TAGS_EDIT = "Tags…"
TAGS_TITLE = "Tags of this run"
TAGS_LABEL = "Tags"
TAGS_HINT = "Words of your own, with commas between them. At most ten."
SAVE = "Save"
CANCEL = "Cancel"
ACTIONS = {
    "stop": "Stop…",
    "retry": "Retry…",
    "requeue": "Requeue…",
    "delete": "Delete…",
}
ICONS = {
    "stop": "circle_stop",
    "retry": "rotate_ccw",
    "requeue": "list_restart",
    "delete": "trash_2",
}
VERBS = {
    "stop": "Stop",
    "retry": "Retry",
    "requeue": "Requeue",
    "delete": "Delete",
}
TEXTS = {
    "stop": "Each is stopped within a second and keeps what it has written. Runs that have ended stay as they are.",
    "retry": "Each question is asked again in a new run, from the beginning. What the first one did outside, such as a message it sent, may happen again.",
    "requeue": "Each goes on after its last kept step in a new run. Where nothing is kept, the question is asked from the beginning.",
    "delete": "The run, its log, and its question and answer in the conversation are gone for ever. Runs that have not ended are left as they are: stop them first.",
}
