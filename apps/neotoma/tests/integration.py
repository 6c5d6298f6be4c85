"""Every promise of the API, on a running service. For staging: while it runs, its documents are seen by everybody."""

from collections.abc import Callable

import checks
import searching
from checks import Answer, Client, expect

TEXT = b"Integration title\nThe quokka smiles.\n"
CSV = b'name,born\nAda,1815\n"Lovelace, A",\n'
PDF = b"""%PDF-1.4
1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj
2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj
3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 100]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>endobj
4 0 obj<</Length 44>>stream
BT /F 18 Tf 20 40 Td (Numbat census 42) Tj ET
endstream endobj
5 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj
trailer<</Root 1 0 R>>
%%EOF
"""


def _uploaded(name: str, content: bytes) -> Callable[[Callable[[Client, Answer], None]], Callable[[Client], None]]:
    """Make a check of an upload: it is given the answer, and the document is deleted afterwards."""

    def decorate(check: Callable[[Client, Answer], None]) -> Callable[[Client], None]:
        def checked(client: Client) -> None:
            answer = client.upload(name, content)
            expect(answer.status in (200, 201), True, f"upload answered {answer.status}, which is success")
            try:
                check(client, answer)
            finally:
                client.delete(f"/documents/{answer.json['id']}")

        checked.__name__ = check.__name__
        return checked

    return decorate


def _facts(client: Client, answer: Answer) -> list[tuple[str, str]]:
    document = client.get(f"/documents/{answer.json['id']}").json
    return [(fact["place"], fact["text"]) for fact in document["facts"]]


@_uploaded("integration-2.txt", "Grüße: 7\r\n\r\n  two\twords \n".encode())
def text_gives_a_fact_a_line(client: Client, answer: Answer) -> None:
    """White space is made single, empty lines are no facts."""
    expect(_facts(client, answer), [("line 1", "Grüße: 7"), ("line 3", "two words")], "facts")


@_uploaded("integration.csv", CSV)
def csv_gives_a_fact_a_row(client: Client, answer: Answer) -> None:
    """Cells are named by their column."""
    expect(_facts(client, answer), [("row 2", "name: Ada; born: 1815"), ("row 3", "name: Lovelace, A")], "facts")


@_uploaded("integration.pdf", PDF)
def pdf_gives_a_fact_a_page(client: Client, answer: Answer) -> None:
    """Text is read from the page."""
    expect(_facts(client, answer), [("page 1", "Numbat census 42")], "facts")


@_uploaded("integration-3.txt", b"the same bytes")
def the_same_bytes_are_stored_once(client: Client, answer: Answer) -> None:
    """The second upload is answered with the first document."""
    again = client.upload("other-name.txt", b"the same bytes")
    expect((again.status, again.json["id"]), (200, answer.json["id"]), "second upload")


def bad_input_is_refused_and_not_stored(client: Client) -> None:
    """Every refusal has the same shape and leaves nothing behind."""
    bad = {".exe": b"MZ", ".txt": b"", ".TXT": PDF, ".pdf": b"text", ".csv": b"a\0b", ".PDF": PDF[:200]}
    for suffix, content in bad.items():
        answer = client.upload(f"refused{suffix}", content)
        expect(answer.status, 422, suffix)
        expect(set(answer.json), {"code", "message", "details", "trace_id"}, f"shape for {suffix}")
    expect(client.upload("refused.txt", b"x" * (10 * 1024 * 1024 + 1)).status, 413, "a file over 10 MB")
    names = [document["name"] for document in client.get("/documents?limit=100").json["documents"]]
    expect([name for name in names if name.startswith("refused")], [], "documents stored all the same")


def what_is_not_there_is_404(client: Client) -> None:
    """So is an id no database could hold."""
    for path in ("/documents/999999999999999999999999", "/nowhere"):
        expect(client.get(path).status, 404, path)


def every_response_names_its_version(client: Client) -> None:
    """The header and the health report agree."""
    answer = client.get("/health")
    expect((answer.status, answer.json["status"]), (200, "ok"), "health")
    expect(answer.headers.get("x-neotoma-version"), answer.json["version"], "header")


def _searched(check: Callable[[Client], None]) -> Callable[[Client], None]:
    """The same check with the text document there to be found."""

    def with_text(client: Client, _: Answer) -> None:
        check(client)

    with_text.__name__ = check.__name__
    return _uploaded("integration-1.txt", TEXT)(with_text)


CHECKS = [
    every_response_names_its_version,
    text_gives_a_fact_a_line,
    csv_gives_a_fact_a_row,
    pdf_gives_a_fact_a_page,
    the_same_bytes_are_stored_once,
    bad_input_is_refused_and_not_stored,
    what_is_not_there_is_404,
    *(_searched(check) for check in searching.CHECKS),
]

if __name__ == "__main__":
    checks.main("integration", CHECKS)
