"""Words of budgets."""

TITLE = "Budgets"
ABOUT = "How much may be spent on models, and what happens then."
NEW = "New budget"
EVERYONE = "Budgets of all users"
NONE = "No budget limits what models cost."
NONE_OF_AGENT = "No budget of its own. What it costs counts on yours, and on that of the installation."
IN_FORM_ABOUT = (
    "How much its runs may cost, and what is left. Budgets are set on the page Usage."
)
IMPOSED = "Set by an administrator"
OFF = "Switched off"
TO_USAGE = "Change under Usage"
DELETE = "Delete"
DELETE_TITLE = "Delete the budget?"
DELETE_TEXT = "It limits nothing any more, from the next call on."
CANCEL = "Cancel"
SET = "Set the budget"
NEW_TITLE = "New budget"
EDIT_TITLE = "Budget of "
SUBJECT = "For"
ME = "Me: all my runs"
EVERYBODY = "Everybody on this installation"
SOMEBODY = "Somebody else"
TIERS = "Each person of a tier"
AGENTS = "One agent"
EMAIL = "Their e-mail address"
AMOUNT = "Amount"
UNIT = "In"
UNITS = (("usd", "US dollars"), ("tokens", "Tokens"))
PERIOD = "Lasts"
PERIODS = (
    ("run", "For each run, with all that it starts"),
    ("day", "A day (UTC)"),
    ("month", "A month (UTC)"),
    ("total", "For ever"),
)
POLICY = "When it is used up"
POLICIES = (
    ("stop", "The run stops"),
    ("ask", "The run waits and asks for more"),
    ("cheaper", "Another model goes on"),
)
MODEL = "The other model"
MODEL_HINT = "What it costs is counted, and not stopped by this budget. A local one costs nothing."
CHEAP = "The cheap default, or the model on this machine"
ACTIVE = "Switched on"
