"""Words of the page of people, and of the page where a password is chosen."""

TITLE = "People"
ABOUT = "Who can sign in here. You see accounts, not what people do with them."
ABOUT_READING = (
    "Who can sign in here. You may read what they have; each time is in the audit."
)
INVITE = "Invite"
INVITE_TITLE = "Invite somebody"
INVITE_TEXT = (
    "You get a link that works once. Send it to them; with it they choose a password."
)
EMAIL = "E-mail"
ROLE = "Role"
ROLES = (
    ("user", "User"),
    ("viewer", "Viewer"),
    ("admin", "Administrator"),
)
ROLES_ABOUT = "Users make agents and run them, viewers only look, administrators manage the installation too."
MAKE_LINK = "Make the link"
CANCEL = "Cancel"
LINK_TITLE = "Link for "
LINK_SENT = "It is on its way by mail. "
LINK_TEXT = "Copy it now, it is not shown again. It works once, for three days."
LINK_LABEL = "One-time link"
COPY = "Copy"
DONE = "Done"
SEARCH = "Search people"
HEADS = ("Person", "Role", "Status", "Last seen", "")
YOU = "You"
ROLE_OF = "Role of "
ACTIVE = "Active"
INVITED = "Invited"
SUSPENDED = "Suspended"
SIGNS_IN_WITH = "Signs in with "
NEVER = "Never"
ACTIONS = "Actions for "
NEW_PASSWORD = "Link for a new password"  # noqa: S105
READ = "Read what they have"
REMOVE_FACTOR = "Remove second factor"
SUSPEND = "Suspend"
REACTIVATE = "Let back in"
PERMISSIONS = "Permissions"
PERMISSIONS_OF = "Permissions of "
PERMISSIONS_TEXT = "What is ticked they may do. The role says most of it; what differs from the role is marked. It counts from their next click on."
DIFFERS = "differs"
SAVE = "Save"
GROUPS = "Groups"
GROUP = "Group "
NEW_GROUP = "New group"
GROUP_NAME = "Name of the group"
MAKE_GROUP = "Create"
RENAME = "Rename"
NO_GROUPS = "No groups yet"
NO_GROUPS_TEXT = "Agents and collections can be shared with a group at once. Make one, then put people into it."
DELETE = "Delete"
DELETE_GROUP_TITLE = "Delete the group "
DELETE_GROUP_TEXT = (
    "Its people stay. What was shared with the group is no longer shared with them."
)
TIERS = "Tiers"
TIERS_ABOUT = "What people may use. Who has no other tier is in the default one. Changes count within five seconds."
TIER = "Tier"
NEW_TIER = "New tier"
CHANGE_TIER = "Change the tier "
TIER_NAME = "Name of the tier"
DEFAULT = "Default"
BE_DEFAULT = "For all who have no other tier"
NO_LIMIT = "No limit"
AS_TIER_SAYS = "As the tier says"
THE_DEFAULT_TIER = "The default tier"
LIMIT_FIELDS = (
    ("requests_per_minute", "Requests a minute"),
    ("runs_per_day", "Runs a day"),
    ("runs_active", "Runs at once"),
    ("storage_mb", "Stored files, in MB"),
)
DELETE_TIER_TITLE = "Delete the tier "
DELETE_TIER_TEXT = "Its people are in the default tier from then on."
LIMITS = "Tier and limits"
LIMITS_OF = "Limits of "
LIMITS_TEXT = "What you write here counts in the place of what the tier says. It counts within five seconds."
MEMBERS = "People in this group"
NO_MEMBERS = "Nobody is in it yet."
ADD_PERSON = "E-mail of a person"
ADD = "Add"
TAKE_OUT = "Take out "
NO_MATCH = "Nobody found"
NO_MATCH_TEXT = "No name or address has these letters."
CHOOSE = "Choose your password"
CHOOSE_TEXT = "Your link works once. With the password you sign in from now on."
PASSWORD = "Password"  # noqa: S105
CHOOSE_HINT = "At least {} characters. A sentence is good."
CHOOSE_VERB = "Save and sign in"
