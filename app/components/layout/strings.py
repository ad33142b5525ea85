"""Words of the frame around every page."""

PRODUCT = "Atelier"
NAV_LABEL = "Main"
DASHBOARD = "Dashboard"
AGENTS = "Agents"
RUNS = "Runs"
KNOWLEDGE = "Knowledge"
SETTINGS = "Settings"
SYSTEM = "System"
SKIP = "Skip to content"
SIGN_OUT = "Sign out"
SHORTCUTS = "Keyboard shortcuts"
THEME = "Switch between light and dark"
NEW = "New"
SEARCH = "Search on this page"
SHORTCUT_WORDS = {
    "title": SHORTCUTS,
    "escape": "Close what is on top",
    "enabled": "Single-key shortcuts are on",
    "close": "Close",
}
