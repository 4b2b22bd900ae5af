"""Web and e-mail addresses, paths, file names, hashtags, handles and identifiers."""

from __future__ import annotations

import pytest

from tests.text.normaliser.checks import spoken

CASES = (
    (
        "https://www.example.com/path/page?x=1&y=2",
        "W.W.W dot example dot com slash path slash page question mark X equals one and Y equals two",
    ),
    ("http://localhost:8880/v1", "localhost colon eight thousand eight hundred eighty slash V one"),
    ("https://example.com/.", "example dot com."),
    ("(see https://example.com/a_b)", "(see example dot com slash A. underscore B)"),
    ("ftp://files.example.org", "F.T.P files dot example dot org"),
    ("file:///etc/passwd", "file slash etc slash passwd"),
    ("Visit www.example.com.", "Visit W.W.W dot example dot com."),
    ("See example.com/docs, or google.co.uk!", "See example dot com slash docs, or google dot co dot uk!"),
    ("kokoro.ai is new", "kokoro dot ai is new"),
    ("my-site.dev/a-b_c#top", "my dash site dot dev slash A. dash B underscore C hash top"),
    ("example.com:8080", "example dot com colon eight thousand eighty"),
    ("10.0.0.1:8080", "ten dot zero dot zero dot one colon eight thousand eighty"),
    ("t.me/kokoro", "T dot me slash kokoro"),
    ("end.It was", "end.It was"),
    ("Hello.World", "Hello.World"),
    ("e.g.this", "for example this"),
    ("john.doe@example.com", "john dot doe at example dot com"),
    ("mail a_b-c@x.co.uk.", "mail A. underscore B dash C at X dot co dot uk."),
    ("mailto:info@example.org", "info at example dot org"),
    ("user@host", "user at host"),
    ("readme.txt", "readme dot T.X.T"),
    ("main.py and archive.tar.gz", "main dot P.Y and archive dot tar dot G.Z"),
    ("README.md", "README dot M.D"),
    (".env.json", "dot env dot json"),
    ("photo.JPG", "photo dot J.P.G"),
    ("Node.js", "Node dot J.S"),
    ("C:\\dir\\file.txt", "C colon backslash dir backslash file dot T.X.T"),
    ("/usr/bin/python", "slash usr slash bin slash python"),
    ("~/notes.md", "tilde slash notes dot M.D"),
    ("./run.sh", "dot slash run dot S.H"),
    ("../a/b", "dot dot slash A. slash B"),
    ("and/or", "and or"),
    ("he/she", "he she"),
    ("TCP/IP", "TCP IP"),
    ("#BlackLivesMatter", "hashtag Black Lives Matter"),
    ("#MeToo2020", "hashtag Me Too twenty twenty"),
    ("#covid_19", "hashtag covid nineteen"),
    ("#1 fan", "number one fan"),
    ("#FF00AA", "hash F.F zero zero A.A"),
    ("@some_user", "at some user"),
    ("@JohnDoe42 said", "at John Doe forty-two said"),
    ("me @ home", "me at home"),
    ("snake_case", "snake case"),
    ("__init__", "init"),
    ("my_var2", "my var two"),
)


@pytest.mark.parametrize(("before", "after"), CASES)
def test_case(before: str, after: str) -> None:
    assert spoken(before) == after
