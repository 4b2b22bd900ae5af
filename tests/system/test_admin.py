"""The operator's side of tenants: over HTTP with the admin key, and `kokoro-fleet tenants` as typed."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from shared.api_keys import ApiKey
from shared.streams.tenants import TenantRecord
from shared.tenants import TenantLimits
from tests.conftest import Service, Valkey, bearer, running_service, running_valkey, wait_until
from tests.system.test_bad_input import check_error
from tests.system.test_cli import cli
from tests.tenants import ADMIN_KEY, at_store

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    environment = {"ADMIN_API_KEY": ADMIN_KEY}
    with running_valkey() as server, running_service(server.url, tmp_path_factory.mktemp("admin"), environment) as it:
        yield it


@pytest.fixture
def admin(service: Service) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{service.url}/admin", headers=bearer(ADMIN_KEY)) as client:
        yield client


def made(admin: httpx.Client, tenant_id: str, **fields: Any) -> dict[str, Any]:
    answer = admin.post("/tenants", json={"id": tenant_id, **fields})
    assert answer.status_code == 201, answer.text
    card: dict[str, Any] = answer.json()
    return card


class TestOverHttp:
    def test_a_tenant_from_its_making_to_its_end(self, service: Service, admin: httpx.Client) -> None:
        card = made(admin, "acme", name="Acme Ltd", limits={"requests_per_minute": 60}, allowed_voices=["af_bella"])
        assert card["created_at"] == pytest.approx(time.time(), abs=60)
        assert admin.get("/tenants/acme").json() == card
        assert card in admin.get("/tenants").json()["data"]
        key = admin.post("/tenants/acme/keys", json={"label": "shop"}).json()
        assert service.speak_as(key["key"], "Hi.", voice="af_bella").status_code == 200
        changed = admin.patch("/tenants/acme", json={"weight": 2.5, "limits": {"monthly_characters": 1000}}).json()
        assert changed == {
            **card,
            "weight": 2.5,
            "limits": {**card["limits"], "requests_per_minute": 60, "monthly_characters": 1000},
        }
        assert admin.patch("/tenants/acme", json={"disabled": True}).json()["disabled"] is True

        def refused(code: str) -> bool:
            answer = service.speak_as(key["key"], "Hi.", voice="af_bella")
            return answer.status_code == 401 and answer.json()["error"]["code"] == code

        wait_until(lambda: refused("account_deactivated"), "disabled everywhere", 3)
        assert admin.delete("/tenants/acme").json() == {"id": "acme", "object": "tenant", "deleted": True}
        wait_until(lambda: refused("invalid_api_key"), "gone everywhere", 3)
        check_error(admin.get("/tenants/acme"), 404, "id", "tenant_not_found")

    def test_keys_are_listed_without_their_secrets_and_revoked(self, service: Service, admin: httpx.Client) -> None:
        made(admin, "globex")
        keys = [admin.post("/tenants/globex/keys", json={"label": label}).json() for label in ("one", "two")]
        assert service.speak_as(keys[0]["key"], "Hi.").status_code == 200
        today = time.strftime("%Y-%m-%d", time.gmtime())

        def last_used() -> str | None:
            cards = {card["id"]: card for card in admin.get("/tenants/globex/keys").json()["data"]}
            used: str | None = cards[keys[0]["id"]]["last_used_on"]
            return used

        wait_until(lambda: last_used() == today, "noted")
        listed = admin.get("/tenants/globex/keys").text
        assert [key["key"].split("-", 3)[3] in listed for key in keys] == [False, False]
        assert admin.delete(f"/tenants/globex/keys/{keys[0]['id']}").json()["deleted"] is True
        wait_until(lambda: service.speak_as(keys[0]["key"], "Hi.").status_code == 401, "revoked", 3)
        assert service.speak_as(keys[1]["key"], "Hi.").status_code == 200
        check_error(admin.delete(f"/tenants/globex/keys/{keys[0]['id']}"), 404, "key_id", "key_not_found")

    @pytest.mark.parametrize(
        ("body", "param"),
        [
            ({}, "id"),
            ({"id": "No Good"}, "id"),
            ({"id": "ok", "limits": {"requests_per_minut": 5}}, "limits"),
            ({"id": "ok", "limits": {"requests_per_minute": 0}}, "limits"),
            ({"id": "ok", "limits": {"monthly_characters": True}}, "limits"),
            ({"id": "ok", "limits": {"monthly_characters": 10**20}}, "limits"),
            ({"id": "ok", "disabled": "yes"}, "disabled"),
            ({"id": "ok", "name": 5}, "name"),
            ({"id": "ok", "weight": 0}, "weight"),
            ({"id": "ok", "weight": "NaN"}, "weight"),
            ({"id": "ok", "allowed_voices": []}, "allowed_voices"),
            ({"id": "ok", "colour": "red"}, "colour"),
        ],
    )
    def test_what_cannot_be_is_refused(self, admin: httpx.Client, body: dict[str, Any], param: str) -> None:
        answer = admin.post("/tenants", json=body)
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)
        assert admin.get("/tenants/ok").status_code == 404

    @pytest.mark.parametrize("when", [10**22, False, -1, "tomorrow"])
    def test_a_key_ends_at_a_time_that_there_is(self, admin: httpx.Client, when: object) -> None:
        made(admin, f"ends-{when}".lower())
        refused = admin.post(f"/tenants/ends-{when}/keys".lower(), json={"expires_at": when})
        check_error(refused, 400, "expires_at", "invalid_value")

    def test_an_id_is_had_once(self, admin: httpx.Client) -> None:
        made(admin, "once")
        check_error(admin.post("/tenants", json={"id": "once"}), 400, "id", "invalid_value")
        assert admin.delete("/tenants/once").status_code == 200
        check_error(admin.post("/tenants", json={"id": "once"}), 400, "id", "invalid_value")

    @pytest.mark.parametrize("key", ["", "wrong", "tenant's"])
    def test_nobody_else_gets_in(self, service: Service, admin: httpx.Client, key: str) -> None:
        if key == "tenant's":
            made(admin, "curious")
            key = admin.post("/tenants/curious/keys", json={}).json()["key"]
        for method, path in (("GET", ""), ("POST", ""), ("GET", "/curious"), ("DELETE", "/curious/keys/1")):
            answer = httpx.request(
                method, f"{service.url}/admin/tenants{path}", headers=bearer(key), json={"id": "mine"}
            )
            check_error(answer, 401, None, "invalid_api_key")


@pytest.mark.usefixtures("redis")
class TestCommands:
    @pytest.fixture
    def store(self, valkey: Valkey) -> str:
        return valkey.url

    def tenants(self, url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        result = cli("tenants", *arguments, REDIS_URL=url)
        assert result.returncode == 0, result.stderr
        return result

    def test_a_tenant_from_its_making_to_its_end(self, store: str) -> None:
        limits = ("--requests-per-minute", "60", "--monthly-characters", "1000000")
        made = self.tenants(store, "add", "acme", "--name", "Acme Ltd", "--voices", "af_bella,alloy", *limits)
        key = ApiKey.read(made.stdout.strip())
        assert key is not None  # alone on standard output, for scripts
        record = at_store(store, lambda at: at.find("acme"))
        expected = TenantRecord("acme", "Acme Ltd", record.created_s, allowed_voices=("af_bella", "am_adam"))
        assert record == replace(expected, limits=TenantLimits(60, monthly_characters=1_000_000))
        self.tenants(store, "set", "acme", "--requests-per-minute", "none", "--voices", "none", "--weight", "3")
        record = at_store(store, lambda at: at.find("acme"))
        assert record.limits == TenantLimits(monthly_characters=1_000_000)
        assert (record.allowed_voices, record.weight, record.name) == (None, 3.0, "Acme Ltd")
        self.tenants(store, "disable", "acme")
        listed = self.tenants(store, "ls").stdout
        assert listed.split()[:4] == ["acme", "disabled", "weight", "3"]
        self.tenants(store, "enable", "acme")
        shown = self.tenants(store, "show", "acme").stdout
        assert "state   active" in shown
        assert "stored bytes: no limit, 0 now" in shown
        assert f"{key.id}  active" in shown
        assert key.secret not in shown
        self.tenants(store, "rm", "acme", "--yes")
        assert "There is no tenant" in self.tenants(store, "ls").stdout

    def test_keys(self, store: str) -> None:
        assert self.tenants(store, "add", "acme", "--no-key").stdout == ""
        key = ApiKey.read(self.tenants(store, "keys", "add", "acme", "--label", "shop", "--days", "30").stdout.strip())
        assert key is not None
        listed = self.tenants(store, "keys", "ls", "acme").stdout
        assert listed.startswith(f"{key.id}  until 20")
        assert listed.endswith("never used  shop\n")
        self.tenants(store, "keys", "revoke", "acme", key.id)
        assert self.tenants(store, "keys", "ls", "acme").stdout == "It has no keys.\n"

    @pytest.mark.parametrize(
        ("arguments", "code", "said"),
        [
            (["add", "Not Good"], 1, "A tenant's id is"),
            (["add", "acme", "--requests-per-minute", "0"], 2, "is not in the range"),
            (["add", "acme", "--requests-per-minute", "many"], 2, "not a valid integer"),
            (["show", "nobody"], 1, "There is no tenant 'nobody'"),
            (["set", "nobody"], 2, "Say what to change"),
            (["rm", "nobody", "--yes"], 1, "There is no tenant"),
            (["keys", "revoke", "nobody", "1"], 1, "has no key"),
        ],
    )
    def test_mistakes_are_one_clear_line(self, store: str, arguments: list[str], code: int, said: str) -> None:
        result = cli("tenants", *arguments, REDIS_URL=store)
        assert (result.returncode, said in result.stderr) == (code, True), result.stderr
