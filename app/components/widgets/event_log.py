"""The live log of a run, its answer as it grows, and the word that the connection is lost; they share one feed."""

from typing import Any

import reflex as rx

# The files import each other, so they lie in one folder and share one module state.
for _file in (
    "event_log_core.js",
    "event_log_icons.jsx",
    "event_log_rows.js",
    "event_log_strip.jsx",
    "event_log_words.jsx",
    "run_volume.js",
    "event_log_text.js",
    "event_log_tree.jsx",
    "event_log_view.js",
    "event_log_bar.jsx",
    "event_log_details.jsx",
    "event_log_lines.jsx",
    "event_log_preferences.js",
    "event_log_row.jsx",
    "feed_wire.js",
    "markdown.jsx",
    "run_address.js",
    "run_feed.js",
    "run_meter.jsx",
    "run_tabs.jsx",
    # What only a tab shows, and what only those need: each comes when its tab opens.
    "view_again.jsx",
    "view_frame.jsx",
    "view_graph.jsx",
    "view_graph_model.js",
    "view_nested.jsx",
    "view_raw.jsx",
    "view_selection.js",
    "view_step_details.jsx",
    "view_step_icon.jsx",
    "view_steps.jsx",
    "view_steps_feed.js",
    "view_steps_model.js",
    "view_summary.jsx",
    "view_timeline.jsx",
):
    rx.asset(_file, shared=True)

_ICONS = "lucide-react@1.26.0"


class EventLog(rx.NoSSRComponent):
    """A run's log, virtualised and followed live; `on_connection` tells whether it is connected.

    With `has_tabs` the same events are shown in other ways too; the children are what the tab State shows. How lines are
    shown is remembered for each `reader`.
    """

    library = rx.asset("event_log.jsx", shared=True).importable_path
    tag = "EventLog"
    lib_dependencies: list[str] = [
        "react-virtuoso@4.18.21",
        "react-markdown@10.1.0",
        "remark-gfm@4.0.1",
        _ICONS,
    ]

    run_id: rx.Var[str]
    height: rx.Var[str]
    has_tabs: rx.Var[bool]
    reader: rx.Var[str]
    on_connection: rx.EventHandler[rx.event.passthrough_event_spec(bool)]


class Answer(rx.NoSSRComponent):
    """A run's answer while it grows, then with its sources; `on_cite` gets the passage and its number."""

    library = rx.asset("answer.jsx", shared=True).importable_path
    tag = "Answer"
    lib_dependencies: list[str] = ["react-markdown@10.1.0", "remark-gfm@4.0.1"]

    run_id: rx.Var[str]
    output: rx.Var[Any]
    # The overload for two types is not seen inside a subscript.
    on_cite: rx.EventHandler[rx.event.passthrough_event_spec(str, int)]  # pyright: ignore[reportCallIssue]


class Connection(rx.NoSSRComponent):
    """A banner while the server is out of reach, and what was caught up afterwards."""

    library = rx.asset("connection.jsx", shared=True).importable_path
    tag = "Connection"

    is_down: rx.Var[bool]
    words: rx.Var[dict[str, str]]


event_log = EventLog.create
answer = Answer.create
connection = Connection.create
