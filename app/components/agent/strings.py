"""Words of the agent editor."""

from app.backend.agents.prompts import VARIABLES

NEW_TITLE = "New agent"
EDIT_TITLE = "Edit agent"
AGENTS = "Agents"
TEMPLATES = "Start from"
BLANK = "Blank"
BLANK_ABOUT = "Everything is up to you."
RESTORED = "Your unsaved changes are back."
DISCARD = "Discard them"
IDENTITY = "What it is"
NAME = "Name"
DESCRIPTION = "Description"
DESCRIPTION_HINT = "One sentence for the list of agents."
KIND = "How it works"
KIND_ANSWER = "Answers"
KIND_ANSWER_ABOUT = "Finds passages, then a model answers from them."
KIND_QUOTES = "Quotes"
KIND_QUOTES_ABOUT = "Shows the passages only, word for word. No model."
KIND_TOOLS = "Uses tools"
KIND_TOOLS_ABOUT = "Its model decides what to do, and calls the tools that you tick."
TOOLS = "Tools"
TOOLS_ABOUT = "What it may do on your behalf. All of it is in the log."
TOOLS_MODEL = "Small local models cannot choose tools. Pick a model of Ollama or of an OpenAI-compatible service under Instructions."
EFFECTS = {
    "pure": "Changes nothing",
    "idempotent": "Safe to repeat",
    "unsafe": "Asks you if in doubt",
}
TOOLS_RISK = "If a worker dies in the middle of a tool, the next one repeats what is safe to repeat, and otherwise asks you whether it happened."
INSTRUCTIONS = "Instructions"
INSTRUCTIONS_ABOUT = "Tell the model who it is and how to answer."
VARIABLES_TITLE = "Words in braces are filled in at each run:"
VARIABLE_WORDS = tuple((f"{{{item.name}}}", item.description) for item in VARIABLES)
MODEL = "Model"
MODEL_HINT = "The shipped model is small. Connect a better one on the page Models."
FALLBACKS_ABOUT = "These models are asked in turn when its service is away or busy. With none, those that the model has on the page Models."
TEMPERATURE = "Temperature"
TEMPERATURE_HINT = "0 is steady, 2 is wild."
MAX_TOKENS = "Longest answer"
MAX_TOKENS_HINT = "In tokens; a token is about ¾ of a word."
KNOWLEDGE = "Knowledge"
KNOWLEDGE_ABOUT = (
    "Which documents it answers from. With none, it talks from what the model knows."
)
NO_COLLECTIONS = "You have no collections yet."
MAKE_COLLECTION = "Make one"
PASSAGES = "Passages to find"
PASSAGES_HINT = "How many of the best passages go to the model, 1 to 20."
RUNS_ON = "Where it runs"
RUNS_HERE = "Here"
RUNS_HERE_ABOUT = "In a worker of this installation."
RUNS_REMOTE = "Remote"
RUNS_REMOTE_ABOUT = "All of it at another runtime's /execute."
REMOTE_URL = "URL of the runtime"
REMOTE_URL_HINT = (
    "Such as http://10.0.0.5:8001. Empty means this installation's own runtime."
)
REMOTE_AGENT_ID = "Agent id over there"
REMOTE_AGENT_ID_HINT = "The last part of that agent's address."
REMOTE_KEY = "API key of that installation"
REMOTE_KEY_HINT = (
    "Kept encrypted and never shown again. It may be a secret of yours: db:name."
)
REMOTE_KEY_KEPT = "A key is stored. Leave this empty to keep it."
BUSY = "When it is busy"
BUSY_ABOUT = "A question comes while the one before it in the same conversation is being answered."
BUSY_CHOICES = (
    ("enqueue", "Answer it afterwards", "It waits until the one before has ended."),
    ("reject", "Refuse it", "You are told to wait, or to stop the one before."),
    ("interrupt", "Stop the one before", "What it has said so far is kept."),
    (
        "rollback",
        "Take the one before back",
        "The conversation goes on as if it had not been asked.",
    ),
)
LIMITS = "Limits of one run"
LIMITS_ABOUT = "Empty means this installation's limit, which is also the most."
STEPS_MAX = "Steps"
STEPS_MAX_HINT = "Turns of the model, for agents with tools."
SECONDS_MAX = "Seconds"
SECONDS_MAX_HINT = "Waiting does not count."
TOKENS_MAX = "Tokens"
TOKENS_MAX_HINT = "Read and written, together."
PROMPTS = "Suggested questions"
PROMPTS_HINT = "One per line, at most ten. Each becomes a button."
SAVE = "Save agent"
CANCEL = "Cancel"
