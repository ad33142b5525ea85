import io
import zipfile
from collections.abc import Callable, Mapping

import docx
import pytest
from docx.document import Document
from lxml.etree import XMLSyntaxError

from app.backend.knowledge.docx_parser import read_docx
from app.backend.knowledge.parser_process import CannotRead

MAIN = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
STRICT = "http://purl.oclc.org/ooxml/wordprocessingml/main"
_MATH = "http://schemas.openxmlformats.org/officeDocument/2006/math"
_COMPATIBLE = "http://schemas.openxmlformats.org/markup-compatibility/2006"


def _zip(parts: Mapping[str, str]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, text in parts.items():
            archive.writestr(f"word/{name}.xml", text)
    return out.getvalue()


def _xml(inner: str, main: str = MAIN) -> str:
    return f'<w:document xmlns:w="{main}" xmlns:m="{_MATH}" xmlns:mc="{_COMPATIBLE}"><w:body>{inner}</w:body></w:document>'


def _read(inner: str, **parts: str) -> str:
    return read_docx(_zip({"document": _xml(inner), **parts})).text


def _made(fill: Callable[[Document], None]) -> str:
    document = docx.Document()
    fill(document)
    out = io.BytesIO()
    document.save(out)
    return read_docx(out.getvalue()).text


def _run(text: str, properties: str = "") -> str:
    return f"<w:r><w:rPr>{properties}</w:rPr><w:t>{text}</w:t></w:r>"


def _paragraph(inner: str, properties: str = "") -> str:
    return f"<w:p><w:pPr>{properties}</w:pPr>{inner}</w:p>"


def test_headings_lists_and_text_become_markdown() -> None:
    def fill(document: Document) -> None:
        document.add_heading("Pump", 0)
        document.add_heading("Reset", 2)
        document.add_paragraph("Hold the button.")
        document.add_paragraph("A bucket", "List Bullet")
        document.add_paragraph("A cloth", "List Bullet")
        document.add_paragraph("Stop", "List Number")
        document.add_paragraph("Open", "List Number")

    assert _made(fill) == (
        "# Pump\n\n## Reset\n\nHold the button.\n\n- A bucket\n- A cloth\n1. Stop\n2. Open"
    )


def test_table_has_its_first_row_as_head_and_keeps_its_columns() -> None:
    def fill(document: Document) -> None:
        table = document.add_table(3, 3)
        for row, texts in zip(table.rows, (("Code", "What", "Do"),) * 2, strict=False):
            for cell, text in zip(row.cells, texts, strict=True):
                cell.text = text
        table.cell(1, 1).text = "Either|or\nboth"
        wide = table.cell(2, 0).merge(table.cell(2, 1))
        wide.text = "Wide"

    assert _made(fill) == (
        "| Code | What | Do |\n| --- | --- | --- |\n| Code | Either\\|or both | Do |\n| Wide |  |  |"
    )


def test_table_of_one_cell_is_a_frame() -> None:
    assert _made(_fill_frame) == "Mind the gap."


def _fill_frame(document: Document) -> None:
    document.add_table(1, 1).cell(0, 0).text = "Mind the gap."


def test_style_that_is_based_on_a_heading_is_one_and_plain_level_is_none() -> None:
    styles = (
        f'<w:styles xmlns:w="{MAIN}">'
        '<w:style w:styleId="berschrift1"><w:name w:val="heading 1"/></w:style>'
        '<w:style w:styleId="Own"><w:name w:val="Own"/><w:basedOn w:val="berschrift1"/></w:style>'
        '<w:style w:styleId="Round"><w:basedOn w:val="Round"/></w:style></w:styles>'
    )
    text = _read(
        _paragraph(_run("One"), '<w:pStyle w:val="Own"/>')
        + _paragraph(_run("Two"), '<w:pStyle w:val="Own"/><w:outlineLvl w:val="9"/>')
        + _paragraph(_run("Three"), '<w:outlineLvl w:val="1"/>')
        + _paragraph(_run("Four"), '<w:pStyle w:val="Round"/>'),
        styles=styles,
    )

    assert text == "# One\n\nTwo\n\n## Three\n\nFour"


def test_deleted_and_hidden_words_are_left_out_and_inserted_ones_read() -> None:
    text = _read(
        _paragraph(
            f"<w:ins>{_run('Kept')}</w:ins>"
            + "<w:del><w:r><w:delText>gone</w:delText></w:r></w:del>"
            + _run("secret", "<w:vanish/>")
            + _run(" seen", '<w:vanish w:val="0"/>')
            + "<w:r><w:instrText>PAGE</w:instrText></w:r>"
        )
    )

    assert text == "Kept seen"


def test_links_fields_controls_and_formulas_are_read() -> None:
    text = _read(
        f"<w:sdt><w:sdtContent>{_paragraph(_run('In a control.'))}</w:sdtContent></w:sdt>"
        + _paragraph(
            f"<w:hyperlink>{_run('A link')}</w:hyperlink><w:r><w:tab/></w:r>"
            f"<w:fldSimple>{_run('7')}</w:fldSimple><w:r><w:br/></w:r>"
            "<m:oMath><m:r><m:t>x=1</m:t></m:r></m:oMath>"
        )
    )

    assert text == "In a control.\n\nA link 7\nx=1"


def test_notes_and_boxes_follow_their_paragraph_once() -> None:
    mark = '<w:r><w:footnoteReference w:id="2"/></w:r>'
    said = _paragraph(_run("The note.") + mark)
    note = f'<w:footnotes xmlns:w="{MAIN}"><w:footnote w:id="2">{said}</w:footnote></w:footnotes>'
    box = f"<w:txbxContent>{_paragraph(_run('In a box.'))}</w:txbxContent>"
    text = _read(
        _paragraph(
            _run("Text")
            + mark
            + f"<w:r><mc:AlternateContent><mc:Choice>{box}</mc:Choice><mc:Fallback>{box}</mc:Fallback></mc:AlternateContent></w:r>"
        )
        + _paragraph(_run("Next")),
        footnotes=note,
    )

    assert text == "Text\n\nThe note.\n\nIn a box.\n\nNext"


def test_strict_documents_are_read() -> None:
    body = _zip({"document": _xml(_paragraph(_run("Strict.")), STRICT)})

    assert read_docx(body).text == "Strict."


@pytest.mark.parametrize(
    "declared",
    [
        '<!ENTITY e SYSTEM "file:///etc/hostname">',
        '<!ENTITY e SYSTEM "http://127.0.0.1:9/">',
        '<!ENTITY e "inside">',
    ],
)
def test_document_that_declares_entities_is_refused(declared: str) -> None:
    inner = _paragraph("<w:r><w:t>&e;</w:t></w:r>")
    body = _zip({"document": f"<!DOCTYPE x [{declared}]>{_xml(inner)}"})

    with pytest.raises(CannotRead, match="entities"):
        read_docx(body)


def test_document_without_text_part_says_so() -> None:
    with pytest.raises(CannotRead, match="no text part"):
        read_docx(_zip({"styles": "<x/>"}))


def test_document_nested_too_deep_is_given_up() -> None:
    deep = "<w:sdt>" * 5000 + "</w:sdt>" * 5000

    with pytest.raises(XMLSyntaxError, match="depth"):
        _read(deep)
