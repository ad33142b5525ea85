"""Words of the settings page."""

TITLE = "Settings"
ABOUT = "Your account on this installation."
TO_MODELS = "Models"
TO_USAGE = "Usage"
PROFILE = "Profile"
EMAIL = "E-mail"
DISPLAY_NAME = "Name"
DISPLAY_NAME_HINT = "How agents call you: {user_name} in their instructions."
SAVE = "Save"
PASSWORD = "Password"  # noqa: S105
PASSWORD_ABOUT = "Changing it ends all your other logins."  # noqa: S105
NO_PASSWORD = "You have none here: you sign in with an account elsewhere. Ask an administrator for a link if you want one."  # noqa: S105
CURRENT = "Present password"
NEW = "New password"
CHANGE = "Change password"
APPEARANCE = "Appearance"
THEME = "Theme"
THEMES = (
    ("system", "System", "monitor"),
    ("light", "Light", "sun"),
    ("dark", "Dark", "moon"),
)
TIMES = "Times"
TIMES_CHOICES = (
    ("relative", "Relative: 3 min ago"),
    ("absolute", "Absolute, in your time zone"),
    ("utc", "Absolute, in UTC"),
)
KEYS = "API keys"
KEYS_ABOUT = "For programs: send one as Authorization: Bearer. A key can do what you can do, except manage users and keys."
KEY_NAME = "Name of the new key"
KEY_NAME_HINT = "Such as the program that will use it."
MAKE_KEY = "Create key"
FRESH = "Copy this key now. It is not shown again."
COPY = "Copy"
HIDE = "I have copied it"
NO_KEYS = "No API keys yet."
CREATED = "Created "
USED = "last used "
NEVER_USED = "never used"
KEY_LIFE = "It ends"
KEY_LIVES = (
    ("", "Never"),
    ("7", "In 7 days"),
    ("30", "In 30 days"),
    ("90", "In 90 days"),
    ("365", "In a year"),
)
KEY_SCOPES = "What it may do"
KEY_SCOPES_HINT = "Tick nothing, and it may do all that a key of yours may."
KEY_AGENTS = "Which agents it may run"
KEY_AGENTS_HINT = "Tick nothing, and it may run all that you may."
KEY_OVER = "Ended"
ENDS = ", ends "
SEARCH_KEYS = "Search keys by how they begin, or by name"
NO_SUCH_KEY = "No key begins so, or has this in its name."
ROTATE = "Rotate"
ROTATE_TITLE = "New secret for "
ROTATE_TEXT = "You get a new key that may do the same. The old one still works for as long as you choose, so that programs can change over."
GRACE = "The old one ends"
GRACES = (
    ("0", "At once"),
    ("1", "In an hour"),
    ("6", "In 6 hours"),
    ("24", "In 24 hours"),
)
CANCEL = "Cancel"
REVOKE = "Revoke"
REVOKE_TITLE = "Revoke "
REVOKE_TEXT = "Programs that use this key stop working at once. This cannot be undone."
LINKED = "Linked logins"
LINKED_ABOUT = "Accounts elsewhere with which you can sign in here."
NO_LINKED = "None yet."
LINK_VERB = "Link "
UNLINK = "Unlink"
LOGINS = "Logins"
LOGINS_ABOUT = "Devices on which you are signed in. One that you end leaves its open pages within seconds."
SIGNED_IN = "Signed in "
FROM = " from "
END_OTHERS = "Sign out everywhere else"
THIS_DEVICE = "This device"
END = "Sign out there"
SEEN = ", seen "
API_DOCS = "API documentation"
SECRETS = "Secrets"
SECRETS_ABOUT = "Keys that your agents need elsewhere. Kept encrypted with a key of your own, and never shown again."
SECRET_NAME = "Name of the secret"  # noqa: S105
SECRET_NAME_HINT = "A known name gets a new value. What needs it says db:name."  # noqa: S105
SECRET_VALUE = "Value"  # noqa: S105
SECRET_VALUE_HINT = "At least 8 characters."  # noqa: S105
STORE_SECRET = "Store secret"  # noqa: S105
NO_SECRETS = "No secrets yet."
STORED = "Stored "
USED_BY = ", used by "
REPLACE = "Replace"
DELETE = "Delete"
DELETE_SECRET_TITLE = "Delete secret "  # noqa: S105
DELETE_SECRET_TEXT = "It cannot be brought back."  # noqa: S105
DELETE_USED_SECRET = (
    "It cannot be brought back, and these fail until there is a new one: "  # noqa: S105
)
LIMITS = "Your limits"
LIMITS_ABOUT = "What your tier lets you use, and how much of it you have used. An administrator can give you more."
TIER = "Your tier: "
LIMIT_NAMES = (
    ("requests_per_minute", "Requests of programs in the last minute"),
    ("runs_per_day", "Runs today (UTC)"),
    ("runs_active", "Runs queued or running"),
    ("storage_mb", "Stored files, in MB"),
)
