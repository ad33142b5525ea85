from app.backend.knowledge.markup_parser import read_html, tidy_markdown
from app.backend.knowledge.pdf_parser import find_running_lines, join_lines


def test_read_html_drops_what_surrounds_the_text() -> None:
    page = b"""<html><head><title>Pump</title><style>p{}</style></head><body>
    <nav>Home | Shop</nav><header>Kestrel Ltd</header>
    <article><header><h1>Reset</h1></header><p>Hold <a href="/x">the button</a>.</p></article>
    <footer>Imprint</footer><script>alert(1)</script></body></html>"""

    assert read_html(page).text == "# Reset\n\nHold the button."


def test_read_html_without_heading_takes_the_title() -> None:
    found = read_html(b"<title>Pump</title><p>Text.</p>")

    assert found.text == "# Pump\n\nText."


def test_read_html_nested_too_deep_is_read_as_text() -> None:
    found = read_html(b"<div>" * 200 + b"deep" + b"</div>" * 200)

    assert found.text == "deep"


def test_tidy_markdown_keeps_words_of_links_and_images() -> None:
    assert tidy_markdown("![a pump](data:xx) [site](http://a.b)\n\n\n\nx") == (
        "a pump site\n\nx"
    )


def test_join_lines_mends_what_the_margin_broke() -> None:
    lines = [
        "The pump needs an inspec-",
        "tion every three months by",
        "a trained person.",
        "1. Stop",
        "2. Open",
    ]

    assert join_lines(lines, set()) == (
        "The pump needs an inspection every three months by a trained person.\n1. Stop\n2. Open"
    )


def test_find_running_lines_sees_headers_with_page_numbers() -> None:
    pages = [["Kestrel Manual", f"Text {n} is here", f"Page {n}"] for n in range(4)]

    running = find_running_lines(pages)

    assert [join_lines(page, running) for page in pages] == [
        f"Text {n} is here" for n in range(4)
    ]
