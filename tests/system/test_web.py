"""Where the web player is served, and how; without a queue or a browser."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from gateway.app import create_app
from gateway.settings import GatewaySettings
from shared.errors import FleetError


def client(**settings: object) -> httpx.AsyncClient:
    app = create_app(GatewaySettings.model_validate(settings))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://fleet")


async def test_the_page_lets_nothing_in_from_elsewhere() -> None:
    async with client() as http:
        for path in ("/web/", "/web/js/main.js", "/web/css/base.css"):
            answer = await http.get(path)
            assert answer.status_code == 200
            policy = answer.headers["content-security-policy"]
            assert "default-src 'self'" in policy
            assert "unsafe" not in policy
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert (await http.get(path, headers={"if-none-match": answer.headers["etag"]})).status_code == 304


async def test_a_part_of_the_page_that_is_not_there() -> None:
    async with client() as http:
        refused = await http.get("/web/", headers={"range": "bytes=999999-"})
        assert (refused.status_code, refused.json()["error"]["code"]) == (416, "range_not_satisfiable")
        assert refused.headers["content-range"].startswith("bytes */")
        assert (await http.get("/web/", headers={"range": "bytes=5-4"})).status_code == 200


async def test_browsers_are_sent_to_the_page_and_others_are_not() -> None:
    async with client() as http:
        browser = await http.get("/", headers={"accept": "text/html,application/xhtml+xml"})
        assert (browser.status_code, browser.headers["location"]) == (307, "web/")
        other = await http.get("/")
        assert other.status_code == 200
        assert len(other.content) < 200


@pytest.mark.parametrize("path", ["/web/nothing.js", "/web/..%2fapp.py", "/web/%2e%2e/app.py"])
async def test_only_what_is_in_the_folder_is_served(path: str) -> None:
    async with client() as http:
        assert (await http.get(path)).status_code == 404


async def test_it_can_be_switched_off() -> None:
    async with client(enable_web_player=False) as http:
        assert (await http.get("/web/")).status_code == 404
        assert (await http.get("/", headers={"accept": "text/html"})).status_code == 200


async def test_another_page_can_take_its_place(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("<h1>Ours</h1>")
    async with client(web_player_path=str(tmp_path)) as http:
        assert "Ours" in (await http.get("/web/")).text
    async with client(web_player_path="web") as http:
        assert "Kokoro" in (await http.get("/web/")).text


def test_a_folder_without_a_page_is_an_error_at_start(tmp_path: Path) -> None:
    with pytest.raises(FleetError, match="WEB_PLAYER_PATH"):
        create_app(GatewaySettings(web_player_path=tmp_path))
