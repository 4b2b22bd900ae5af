"""OpenAI's Files API: what goes in comes out, is listed, and goes; whatever else is sent is refused with a reason."""

from __future__ import annotations

import io
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest
from openai import NotFoundError, OpenAI

from tests.conftest import Service
from tests.system.test_bad_input import check_error

CONTENT = b'{"custom_id": "a"}\n' * 1000


@pytest.fixture(scope="module")
def client(service: Service) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{service.url}/v1", api_key="not-needed", max_retries=0) as client:
        yield client


def upload(client: OpenAI, name: str = "lines.jsonl", content: bytes = CONTENT) -> str:
    return client.files.create(file=(name, content), purpose="batch").id


def test_a_file_comes_back_as_it_was(client: OpenAI) -> None:
    file = client.files.create(file=("lines.jsonl", io.BytesIO(CONTENT)), purpose="batch")
    assert (file.object, file.purpose, file.filename, file.bytes) == ("file", "batch", "lines.jsonl", len(CONTENT))
    assert (file.expires_at or 0) - file.created_at == 30 * 86_400
    assert file.status == "processed"
    assert client.files.retrieve(file.id) == file
    assert client.files.content(file.id).content == CONTENT
    assert client.files.delete(file.id).deleted
    for call in (client.files.retrieve, client.files.content, client.files.delete):
        with pytest.raises(NotFoundError, match="No such file"):
            call(file.id)


@pytest.mark.parametrize("size", [0, 1, 5 * 1024 * 1024, 12_345_678])
def test_any_size(client: OpenAI, size: int) -> None:
    content = bytes(size)
    file_id = upload(client, content=content)
    assert client.files.content(file_id).content == content
    client.files.delete(file_id)


def test_it_expires_when_it_is_told_to(client: OpenAI) -> None:
    file = client.files.create(
        file=("a.jsonl", b"{}"), purpose="batch", expires_after={"anchor": "created_at", "seconds": 3600}
    )
    assert (file.expires_at or 0) - file.created_at == 3600


def test_files_are_listed_page_by_page(client: OpenAI) -> None:
    for old in client.files.list():
        client.files.delete(old.id)
    made = [upload(client, f"{number}.jsonl", b"{}") for number in range(5)]
    assert [file.id for file in client.files.list(limit=2)] == made[::-1]  # the client asks for page after page
    assert [file.id for file in client.files.list(limit=2, order="asc")] == made
    page = client.files.list(limit=2, after=made[3])
    assert ([file.id for file in page.data], page.has_more) == ([made[2], made[1]], True)
    assert list(client.files.list(purpose="batch_output")) == []
    assert len(list(client.files.list(purpose="batch"))) == 5


@pytest.mark.parametrize(
    ("said", "status", "expected"),
    [
        ("bytes=0-9", 206, CONTENT[:10]),
        ("bytes=18990-", 206, CONTENT[18990:]),
        ("bytes=-5", 206, CONTENT[-5:]),
        ("bytes=18990-99999", 206, CONTENT[18990:]),
        ("bytes=5-4", 200, CONTENT),
        ("bytes=0-1,5-6", 200, CONTENT),
        ("lines=1-2", 200, CONTENT),
        ("bytes=-", 200, CONTENT),
        (f"bytes={'9' * 5000}-", 200, CONTENT),
        ("bytes=-" + "9" * 18, 206, CONTENT),
    ],
)
def test_a_part_may_be_asked_for(service: Service, client: OpenAI, said: str, status: int, expected: bytes) -> None:
    url = f"{service.url}/v1/files/{upload(client)}/content"
    answer = httpx.get(url, headers={"range": said})
    assert (answer.status_code, answer.content) == (status, expected)
    if status == 206:
        first = CONTENT.rindex(expected) if said.startswith("bytes=-") or said.endswith("-") else 0
        assert answer.headers["content-range"].endswith(f"/{len(CONTENT)}")
        assert first >= 0
    head = httpx.head(url)
    assert (head.status_code, head.headers["content-length"], head.content) == (200, str(len(CONTENT)), b"")


def test_the_documentation_leaves_a_files_type_open(service: Service) -> None:
    described = httpx.get(f"{service.url}/openapi.json").json()["paths"]["/v1/files/{file_id}/content"]["get"]
    assert list(described["responses"]["200"]["content"]) == ["*/*"]


@pytest.mark.parametrize("said", ["bytes=19000-", "bytes=-0", "bytes=19000-19001"])
def test_a_part_beyond_the_end_is_refused(service: Service, client: OpenAI, said: str) -> None:
    answer = httpx.get(f"{service.url}/v1/files/{upload(client)}/content", headers={"range": said})
    check_error(answer, 416, "Range", "range_not_satisfiable")
    assert answer.headers["content-range"] == f"bytes */{len(CONTENT)}"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("../../etc/passwd", 'filename="_.._etc_passwd"'),
        ("C:\\windows\\a.jsonl", 'filename="a.jsonl"'),
        ('a".jsonl', "filename*=utf-8''a%2522.jsonl"),  # clients write %22
        ("a;b=c.jsonl", "filename*=utf-8''a%3Bb%3Dc.jsonl"),
        ("Größe.jsonl", "filename*=utf-8''Gr%C3%B6%C3%9Fe.jsonl"),
        ("...", None),
    ],
)
def test_a_name_is_never_a_path(client: OpenAI, name: str, told: str | None) -> None:
    file_id = upload(client, name)
    answer, named = client.files.with_raw_response.content(file_id), f'filename="{file_id}"'
    assert answer.headers["content-disposition"] == f"attachment; {told or named}"
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "file_id",
    ["file-none", "..%2f..%2fetc%2fpasswd", "file-%00", "x" * 3000, "file-" + "ä" * 40, "tts:voices", "*"],
)
def test_unknown_ids(service: Service, file_id: str) -> None:
    for path in (f"/v1/files/{file_id}", f"/v1/files/{file_id}/content"):
        answer = httpx.get(service.url + path)
        assert (answer.status_code, answer.json()["error"]["code"] in {"file_not_found", "not_found"}) == (404, True)
    assert httpx.delete(f"{service.url}/v1/files/{file_id}").status_code == 404


FILE = {"file": ("a.jsonl", b"{}")}


@pytest.mark.parametrize(
    ("fields", "files", "param", "code"),
    [
        ({}, FILE, "purpose", "missing_required_parameter"),
        ({"purpose": "fine-tune"}, FILE, "purpose", "invalid_value"),
        ({"purpose": "batch"}, {"document": FILE["file"]}, "file", "missing_required_parameter"),
        ({"purpose": "batch", "file": "not a file"}, {"other": FILE["file"]}, "file", "missing_required_parameter"),
        ({"purpose": "batch", "expires_after[seconds]": "7200"}, FILE, "expires_after", "invalid_value"),
        ({"purpose": "batch", "expires_after[anchor]": "now"}, FILE, "expires_after", "invalid_value"),
        (
            {"purpose": "batch", "expires_after[anchor]": "created_at", "expires_after[seconds]": "59"},
            FILE,
            "expires_after",
            "invalid_value",
        ),
        (
            {"purpose": "batch", "expires_after[anchor]": "created_at", "expires_after[seconds]": "9" * 4000},
            FILE,
            "expires_after",
            "invalid_value",
        ),
        ({"purpose": "x" * 5000}, FILE, "purpose", "invalid_form"),
        ({f"field {number}": "x" for number in range(30)}, FILE, None, "invalid_form"),
    ],
)
def test_forms_that_are_refused(
    service: Service, fields: dict[str, str], files: dict[str, tuple[str, bytes]], param: str | None, code: str
) -> None:
    check_error(httpx.post(f"{service.url}/v1/files", data=fields, files=files), 400, param, code)


def test_two_files_are_refused(service: Service) -> None:
    files = [("file", ("a.jsonl", b"{}")), ("file", ("b.jsonl", b"{}"))]
    answer = httpx.post(f"{service.url}/v1/files", data={"purpose": "batch"}, files=files)
    check_error(answer, 400, "file", "invalid_form")


BOUNDARY = {"content-type": "multipart/form-data; boundary=b"}
PART = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n{}\r\n'


@pytest.mark.parametrize(
    ("headers", "content"),
    [
        ({"content-type": "application/json"}, b"{}"),
        ({"content-type": "multipart/form-data"}, PART + b"--b--\r\n"),
        ({}, PART),
        (BOUNDARY, b""),
        (BOUNDARY, b"nonsense"),
        (BOUNDARY, PART),  # no end
        (BOUNDARY, b"--b\r\nContent-Disposition: form-data\r\n\r\n{}\r\n--b--\r\n"),
        (BOUNDARY, b"--b\r\n" + b"x-a: " + b"y" * 10_000 + b"\r\n\r\n{}\r\n--b--\r\n"),
        (BOUNDARY, b"--b\r\n" + b"x: y\r\n" * 1000 + b"\r\n{}\r\n--b--\r\n"),
    ],
)
def test_what_is_no_form_is_refused(service: Service, headers: dict[str, str], content: bytes) -> None:
    check_error(httpx.post(f"{service.url}/v1/files", headers=headers, content=content), 400, None, "invalid_form")


def test_a_file_that_says_it_is_too_large_is_not_read(service: Service) -> None:
    where = urlsplit(service.url)
    with socket.create_connection((where.hostname, where.port), timeout=10) as line:
        line.sendall(
            b"POST /v1/files HTTP/1.1\r\nhost: x\r\ncontent-type: multipart/form-data; boundary=b\r\n"
            b"content-length: 999999999999\r\n\r\n--b\r\n"
        )
        answer = line.makefile("rb")
        assert answer.readline().startswith(b"HTTP/1.1 413")
        assert b"file_too_large" in answer.read(2000)
