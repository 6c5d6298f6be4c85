"""What uploads promise: files are read, kept once, given back; what is no file is refused and leaves nothing."""

from pathlib import Path

from kit import Answer, Client, expect, expect_refusal, fresh_word

SAMPLES = Path(__file__).parent / "samples"
LARGEST = 50 * 1024 * 1024
PDF = """%PDF-1.4
1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj
2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj
3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 100]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>endobj
4 0 obj<</Length {length}>>stream
{text}
endstream endobj
5 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj
xref
0 6
trailer<</Size 6/Root 1 0 R>>
startxref
0
%%EOF
"""


def pdf(words: str) -> bytes:
    """A PDF with one line of text."""
    text = f"BT /F 10 Tf 10 50 Td ({words}) Tj ET"
    return PDF.format(length=len(text), text=text).encode()


def unique(name: str, word: str) -> bytes:
    """A sample with a word added, so that its bytes are nobody else's; its facts are the same."""
    content = (SAMPLES / name).read_bytes()
    return content + {".pdf": f"%{word}\n", ".csv": "", ".png": word}.get(Path(name).suffix, f"\n{word}\n").encode()


def every_response_names_its_version(client: Client) -> None:
    """The header and the health report agree."""
    answer = client.get("/health")
    expect((answer.status, answer.json["status"]), (200, "ok"), "health")
    expect(answer.headers.get("x-neotoma-version"), answer.json["version"], "header")


def nobody_gets_in_without_a_credential(client: Client) -> None:
    """No token, or a wrong one, opens nothing."""
    for stranger in (Client(client.base_url), Client(client.base_url, "wrong"), Client(client.base_url, "")):
        for path in ("/api/sources", "/api/search?q=a", "/api/sources/src_000000000000000000000000"):
            expect_refusal(stranger.get(path), [401], path)
        expect_refusal(stranger.upload("a.txt", b"text"), [401], "an upload")
        expect(stranger.post("/mcp", {}).status, 401, "/mcp")


def text_is_read_with_its_places(client: Client) -> None:
    """Chunks have the text and say where it stands."""
    word = fresh_word()
    source = client.ready("text.txt", f"Grüße an {word}\r\n\r\nTotal: 7\n".encode())
    expect((source["media_type"], source["kind"]), ("text/plain", "file"), "what it is")
    expect(f"Grüße an {word}" in source["chunks"][0]["text"], True, "text")
    expect(bool(source["chunks"][0]["place"]), True, "place")


def csv_is_read_by_row(client: Client) -> None:
    """Cells can be found."""
    word = fresh_word()
    source = client.ready("table.csv", f'name,born\nAda {word},1815\n"Lovelace, A",\n'.encode())
    expect(word in "".join(chunk["text"] for chunk in source["chunks"]), True, "text")


def pdf_is_read_by_page(client: Client) -> None:
    """Text is taken from the page."""
    word = fresh_word()
    source = client.ready("page.pdf", pdf(f"Numbat census {word}"))
    expect(word in source["chunks"][0]["text"], True, "text")
    expect(source["chunks"][0]["place"].startswith("page 1"), True, f"place {source['chunks'][0]['place']!r}")


def images_are_read(client: Client) -> None:
    """Where the service has an OCR program."""
    if client.get("/health").json.get("ocr"):
        source = client.ready("receipt.png", unique("receipt-cafe.png", fresh_word()))
        expect(len("".join(chunk["text"] for chunk in source["chunks"])) > 20, True, "text")


def the_same_bytes_are_stored_once(client: Client) -> None:
    """The second upload is answered with the first source."""
    content = f"the same {fresh_word()}".encode()
    first = client.ready("first.txt", content)
    again = client.upload("other-name.txt", content)
    expect((again.status, again.json["id"], again.json["name"]), (200, first["id"], "first.txt"), "second upload")


def a_file_comes_back_byte_for_byte(client: Client) -> None:
    """As a download that no browser runs."""
    content = f"<script>{fresh_word()}</script>\r\n".encode()
    source = client.ready("page.txt", content)
    back = client.get(f"/api/sources/{source['id']}/file")
    expect((back.status, back.body), (200, content), "the file")
    expect(back.headers["content-disposition"].startswith("attachment"), True, "download")


def bad_input_is_refused_and_not_stored(client: Client) -> None:
    """Every refusal is a 4xx in the same shape and leaves nothing behind."""
    mark = fresh_word()
    bad = {".exe": b"MZ", ".txt": b"", ".TXT": pdf("x"), ".pdf": b"text", ".csv": b"a\0b", ".PDF": pdf("x")[:200]}
    bad |= {".png": b"\x89PNG\r\n\x1a\n", ".jpg": b"GIF89a"}
    for suffix, content in bad.items():
        expect_refusal(client.upload(f"{mark}{suffix}", content), range(400, 500), suffix)
    expect_refusal(_refused_early(client, mark), [413], "a file over the limit")
    names = [source["name"] for source in client.get("/api/sources", limit=200).json["sources"]]
    expect([name for name in names if name.startswith(mark)], [], "sources stored all the same")


def _refused_early(client: Client, name: str) -> Answer:
    return client.upload(f"{name}.txt", b"x" * (LARGEST + 1))


def what_is_not_there_is_404(client: Client) -> None:
    """Whatever the id looks like."""
    for path in ("/api/sources/src_000000000000000000000000", "/api/sources/9999", "/api/nowhere"):
        expect_refusal(client.get(path), [404], path)


def a_list_comes_in_pages(client: Client) -> None:
    """Newest first, each page after the one before."""
    ids = [client.ready(f"{n}.txt", f"{n} {fresh_word()}".encode())["id"] for n in range(3)]
    listed, cursor = [], None
    for _ in ids:
        page = client.get("/api/sources", limit=1, cursor=cursor).json
        listed += [source["id"] for source in page["sources"]]
        cursor = page["next"]
    expect(listed, ids[::-1], "three pages of one")


def what_is_deleted_is_gone(client: Client) -> None:
    """From the list, the search and the storage."""
    word = fresh_word()
    source = client.ready("gone.txt", word.encode())
    expect(client.delete(f"/api/sources/{source['id']}").status, 204, "delete")
    for path in (f"/api/sources/{source['id']}", f"/api/sources/{source['id']}/file"):
        expect_refusal(client.get(path), [404], path)
    expect(client.get("/api/search", q=word).json["hits"], [], "search")


CHECKS = (
    every_response_names_its_version,
    nobody_gets_in_without_a_credential,
    text_is_read_with_its_places,
    csv_is_read_by_row,
    pdf_is_read_by_page,
    images_are_read,
    the_same_bytes_are_stored_once,
    a_file_comes_back_byte_for_byte,
    bad_input_is_refused_and_not_stored,
    what_is_not_there_is_404,
    a_list_comes_in_pages,
    what_is_deleted_is_gone,
)
