"""Words of the frame around every page."""

PRODUCT = "Atelier"
NAV_LABEL = "Main"
DASHBOARD = "Dashboard"
AGENTS = "Agents"
RUNS = "Runs"
KNOWLEDGE = "Knowledge"
MODELS = "Models"
USAGE = "Usage"
SETTINGS = "Settings"
SYSTEM = "System"
PEOPLE = "People"
AUDIT = "Audit"
READING = "You read what this person has, and can change nothing: "
STOP_READING = "Stop reading"
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
BROKEN = "This page broke"
BROKEN_TEXT = "Something went wrong on our side while it was drawn. Your agents keep running. Reload the page; if it stays, tell your administrator the error id."
ERROR_ID = "Error id "
RELOAD = "Reload the page"
GO_HOME = "Go to the dashboard"
NOT_FOR_YOU = "You may not do this"
NOT_FOR_YOU_TEXT = "Your role does not allow what this page is for. Ask an administrator of this installation."
FOR_ADMINS = "Only administrators see this page"
FOR_ADMINS_TEXT = (
    "Ask an administrator of this installation when you need something here."
)
