"""Words about sharing."""

SHARE = "Share"
TITLE = "Share "
PERSON = "E-mail of a person"
PERSON_HINT = "They need an account here."
GROUP = "Or a group"
NO_GROUP = "No group"
LEVEL = "They may"
AGENT_LEVELS = (
    ("run", "Run it"),
    ("view", "Look at it"),
    ("edit", "Change it"),
)
COLLECTION_LEVELS = (
    ("view", "Search and read it"),
    ("edit", "Change it"),
)
ADD = "Share"
WITH = "Shared with"
NOBODY = "With nobody yet."
LEVEL_OF = "What may be done by "
REMOVE = "Stop sharing with "
PUBLIC = "Public"
PUBLIC_SWITCH = "Everybody who is signed in may run it"
PUBLIC_ABOUT = "Only you change it. Whoever runs it reads the passages that an answer cites, and not your documents."
AGENT_ABOUT = "Whoever may run it gets answers from its documents, with the passages that are cited. Share a collection too if they should read it."
PROVIDER_ABOUT = "They use its models with your key, which they never see; nor do they see its settings. What they ask costs on your account there."
ALL_SWITCH = "Everybody here may use it"
ALL_ABOUT = "It becomes a provider of the installation, which administrators change."
USES = "Uses it"
COLLECTION_ABOUT = "Agents of theirs may search it too. What they add to it is yours."
DONE = "Done"
BY = "by "
WITH_YOU = "Shared with you"
MINE = "Mine"
SHARED = "Shared with me"
NOT_YOURS_TO_RUN = "You may look at this agent, but not run it"
NOT_YOURS_TO_RUN_TEXT = "Ask its owner to let you run it, or make a copy of your own."
WITHDRAWN = "This agent is no longer shared with you"
WITHDRAWN_TEXT = "What you asked it before stays yours, and a run that goes on goes on. Ask its owner if you still need it."
HIDDEN_ONE = "1 collection of its owner"
HIDDEN = " collections of its owner"
HIDDEN_ABOUT = "Its answers cite them; the documents are not shared with you."
DUPLICATE = "Make my own copy"
COLLECTION_GONE = "There is no such collection"
COLLECTION_GONE_TEXT = (
    "It was deleted, it is not yours, or it is no longer shared with you."
)
TO_COLLECTIONS = "See your collections"
PASSAGE_ONLY = (
    "You see the passage that was cited. Its document is gone, or not shared with you."
)
