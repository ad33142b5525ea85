"""Words of the pages about documents."""

KNOWLEDGE = "Knowledge"
ABOUT = "Collections of documents that your agents answer from."
NOTHING_SHARED = "Nothing is shared with you"
NOTHING_SHARED_TEXT = "When somebody shares a collection with you, or with a group that you are in, it stands here."
BACK_TO_MINE = "Show your collections"
NEW = "New collection"
NAME = "Name"
DESCRIPTION = "Description"
DESCRIPTION_HINT = "What is in it, for you."
EMBEDDER = "Embedding model"
EMBEDDER_HINT = "Turns passages and questions into vectors. With another one all documents are embedded anew; one of a provider is sent them, and paid."
CREATE = "Create"
SAVE = "Save"
CANCEL = "Cancel"
EDIT = "Edit"
MORE = "Show more"
NO_COLLECTIONS = "No collections yet"
NO_COLLECTIONS_TEXT = "A collection holds documents: PDF, Word, HTML, Markdown or text. An agent can answer from one or more."
DOCUMENTS = "Documents"
NO_DOCUMENTS = "No documents yet"
NO_DOCUMENTS_TEXT = "Drop files above. Each one is read, cut into passages and made searchable; you see how far it is."
NO_DOCUMENTS_OF_OTHERS = "Its owner has not put any documents here."
DELETE = "Delete"
DELETE_TITLE = "Delete "
DELETE_TEXT = "Its passages can no longer be found or cited, and the original is removed. This cannot be undone."
RETRY = "Retry"
SEARCH = "Try a search"
SEARCH_ABOUT = "See which passages a question finds, before an agent does."
SEARCH_LABEL = "Question or words"
FIND = "Find"
NOTHING_RELEVANT = "Nothing here answers this. The nearest passages:"
NOTHING_FOUND = "Nothing was found."
OPEN = "Open in the document"
STAGES = ("uploaded", "parsed", "chunked", "embedded", "ready")
ACCEPT = ".pdf,.docx,.html,.htm,.md,.markdown,.txt"
DROP_WORDS = {
    "drop": "Drop files here",
    "choose": "Choose files",
    "waiting": "Waiting",
    "taken": "Uploaded",
    "known": "Already here",
    "known_as": "Already here as ",
    "refused": "Refused",
    "close": "Close",
}
DOCUMENT = "Document"
PASSAGE_GONE = "That passage is not in this document"
PASSAGE_GONE_TEXT = "It may have been read anew since. This is how the document begins."
MISSING_DOCUMENT = "There is no such document"
MISSING_DOCUMENT_TEXT = (
    "It was deleted, it is not yours, or it is no longer shared with you."
)
PREVIOUS = "Previous passage"
NEXT = "Next passage"
PASSAGE = "Passage "
DOWNLOAD = "Download original"
NOT_READY = "This document is not ready"
NOT_READY_TEXT = (
    "Its text can be read here as soon as it has been parsed and cut into passages."
)
BACK = "Back to the collection"
NOTES = "Notes"
NOTES_ABOUT = "What your agents wrote down with their tools. All of them read these."
NOTE_TEXT = "What it says"
NOTE_DELETE_TEXT = "Your agents can no longer read it. This cannot be undone."
LIMITS = "PDF, DOCX, HTML, Markdown or text, up to "
LIMITS_END = " each"
TOO_BIG = "It has more than "
TOO_BIG_END = ". Split it, or ask an administrator to raise the limit."
