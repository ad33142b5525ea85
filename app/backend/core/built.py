"""What the build of the front end leaves beside its files, for the server that answers them."""

# The hashes of the pages' inline scripts, and the chunks that pages do not name.
CSP_FILE = "csp.json"
PRELOAD_FILE = "preload.json"
# Pages with an id are rendered ahead with this in its place, which is the second part of their paths.
ANY_ID = "_"
