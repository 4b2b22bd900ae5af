"""``kokoro-fleet tenants …``: who may use the service, with which keys, and how much. Speaks to REDIS_URL directly."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import click

from shared.tenants import TenantLimits

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from shared.streams.tenants import KeyRecord, TenantRecord, TenantStore

T = TypeVar("T")

LIMITS = {
    "requests_per_minute": "Requests a minute.",
    "characters_per_minute": "Characters a minute.",
    "concurrent_streams": "Requests for audio that are open at a time.",
    "queued_characters": "Characters of open requests and of unfinished batch work, at a time.",
    "monthly_characters": "Characters in a calendar month, in UTC.",
    "stored_bytes": "Bytes of uploaded files and of what batches and jobs write, kept at a time.",
}
"""The options, and what they limit."""

NONE = "none"


def _number(ctx: click.Context, param: click.Parameter, value: str | None) -> int | str | None:
    """A number, or ``none`` for no limit."""
    if value is None or value == NONE:
        return value
    number: int = click.IntRange(min=1)(value, param, ctx)
    return number


def settable(command: Callable[..., None]) -> Callable[..., None]:
    """The options that say what a tenant is and may have."""
    for name, help_text in reversed(LIMITS.items()):
        flag = f"--{name.replace('_', '-')}"
        command = click.option(flag, name, callback=_number, metavar="NUMBER", help=help_text)(command)
    for option in (
        click.option("--voices", help="Names of the voices it may use, with commas between them; none: all."),
        click.option("--weight", type=float, help="Its share of a crowded lane, beside others' 1."),
        click.option("--name", help="What people call it."),
    ):
        command = option(command)
    return command


@click.group()
def tenants() -> None:
    """Who may use the service: tenants, their API keys and their limits, in REDIS_URL.

    Without tenants, and without API_KEY, everybody may. With the first, whoever has no key is refused, by all gateways
    within a heartbeat. Limits are per tenant, over all gateways; a limit of `none` is none.
    """


@tenants.command("add")
@click.argument("tenant_id", metavar="ID")
@settable
@click.option("--no-key", is_flag=True, help="Make no key yet.")
def add(tenant_id: str, no_key: bool, **options: Any) -> None:
    """Make a tenant, and a first key for it: the one line on standard output, never shown again.

    ID is its name in logs, usage and file names: letters a to z, digits, - and _.
    """
    from shared.streams.tenants import TenantRecord

    record = _with(TenantRecord(tenant_id, created_s=int(time.time())), options)

    async def added(store: TenantStore) -> str | None:
        await store.add(record)
        return None if no_key else (await store.add_key(tenant_id))[0].written

    key = _at_store(added)
    click.echo(f"The tenant {tenant_id} is there.", err=True)
    if key:
        _hand_over(key)


@tenants.command("ls")
def ls() -> None:
    """Show all tenants."""
    found = _at_store(lambda store: store.tenants())
    if not found:
        click.echo("There is no tenant: everybody may use the service, unless API_KEY or REQUIRE_API_KEY is set.")
        return
    width = max(len(record.id) for record in found)
    for record in found:
        state = "disabled" if record.is_disabled else "active"
        click.echo(
            f"{record.id:<{width}}  {state:<8}  weight {record.weight:g}  {_limits(record)}  {record.name}".rstrip()
        )


@tenants.command("show")
@click.argument("tenant_id", metavar="ID")
def show(tenant_id: str) -> None:
    """Show a tenant, what it has stored, and its keys."""
    record, keys, used = _at_store(lambda store: _shown(store, tenant_id))
    stored = _at_redis(lambda redis: _stored_bytes(redis, tenant_id))
    click.echo(f"id      {record.id}\nname    {record.name or '-'}\nsince   {_day(record.created_s)}")
    click.echo(f"state   {'disabled' if record.is_disabled else 'active'}\nweight  {record.weight:g}")
    click.echo(f"voices  {', '.join(record.allowed_voices) if record.allowed_voices else 'all'}")
    for name in LIMITS:
        limit = getattr(record.limits, name)
        so_far = f", {stored} now" if name == "stored_bytes" else ""
        click.echo(f"{name.replace('_', ' ')}: {'no limit' if limit is None else limit}{so_far}")
    _show_keys(keys, used)


@tenants.command("set")
@click.argument("tenant_id", metavar="ID")
@settable
def change(tenant_id: str, **options: Any) -> None:
    """Change what a tenant may have; what is not named stays. Holds at all gateways within a heartbeat."""
    if all(value is None for value in options.values()):
        raise click.UsageError("Say what to change; see --help.")
    _at_store(lambda store: store.change(tenant_id, lambda record: _with(record, options)))
    click.echo(f"{tenant_id} is changed.")


@tenants.command("disable")
@click.argument("tenant_id", metavar="ID")
def disable(tenant_id: str) -> None:
    """Refuse a tenant's keys until it is enabled again; what is its own stays."""
    _at_store(lambda store: store.change(tenant_id, lambda record: replace(record, is_disabled=True)))
    click.echo(f"{tenant_id} is disabled; what it has begun goes on.")


@tenants.command("enable")
@click.argument("tenant_id", metavar="ID")
def enable(tenant_id: str) -> None:
    """Take a disabled tenant's keys again."""
    _at_store(lambda store: store.change(tenant_id, lambda record: replace(record, is_disabled=False)))
    click.echo(f"{tenant_id} is enabled.")


@tenants.command("rm")
@click.argument("tenant_id", metavar="ID")
@click.confirmation_option(prompt="Its keys and saved voices go for good. Go on?")
def rm(tenant_id: str) -> None:
    """Remove a tenant with its keys and saved voices.

    Files, batches and downloads go when their time is over; its usage stays, and nobody gets its ID again.
    """
    _at_store(lambda store: store.remove(tenant_id))
    click.echo(f"{tenant_id} is gone.")


@tenants.group("keys")
def keys() -> None:
    """A tenant's API keys."""


@keys.command("add")
@click.argument("tenant_id", metavar="ID")
@click.option("--label", default="", help="Where it is used, for people.")
@click.option("--days", type=click.IntRange(min=1), help="Good for so many days; by default until it is revoked.")
def add_key(tenant_id: str, label: str, days: int | None) -> None:
    """Make one more key: the one line on standard output, never shown again."""
    expires_s = None if days is None else int((datetime.now(UTC) + timedelta(days=days)).timestamp())
    key, _ = _at_store(lambda store: store.add_key(tenant_id, label, expires_s))
    _hand_over(key.written)


@keys.command("ls")
@click.argument("tenant_id", metavar="ID")
def ls_keys(tenant_id: str) -> None:
    """Show a tenant's keys, without their secrets."""
    _, found, used = _at_store(lambda store: _shown(store, tenant_id))
    _show_keys(found, used)


@keys.command("revoke")
@click.argument("tenant_id", metavar="ID")
@click.argument("key_id", metavar="KEY_ID")
def revoke(tenant_id: str, key_id: str) -> None:
    """Refuse a key from now on, at all gateways within a heartbeat. KEY_ID is what `ls` shows."""
    _at_store(lambda store: store.revoke(tenant_id, key_id))
    click.echo(f"{key_id} is revoked; what was begun with it goes on.")


def _with(record: TenantRecord, options: dict[str, Any]) -> TenantRecord:
    """``record`` with what the options say."""
    said = {name: value for name, value in options.items() if value is not None}
    limits = {name: None if said[name] == NONE else said[name] for name in LIMITS if name in said}
    if limits:
        record = replace(record, limits=replace(record.limits, **limits))
    if "voices" in said:
        voices = None if said["voices"] == NONE else tuple(said["voices"].split(","))
        record = replace(record, allowed_voices=voices)
    return replace(record, **{name: said[name] for name in ("name", "weight") if name in said})


async def _shown(store: TenantStore, tenant_id: str) -> tuple[TenantRecord, list[KeyRecord], dict[str, str]]:
    record, found = await store.find(tenant_id), await store.keys(tenant_id)
    return record, found, await store.last_used([key.id for key in found])


async def _stored_bytes(redis: Redis, tenant_id: str) -> int:
    from shared.streams.files import FileStore

    return await FileStore(redis).stored_bytes(tenant_id)


def _show_keys(found: Sequence[KeyRecord], used: dict[str, str]) -> None:
    if not found:
        click.echo("It has no keys.")
    for key in found:
        state = "expired" if key.has_expired() else f"until {_day(key.expires_s)}" if key.expires_s else "active"
        last = f"last used {used[key.id]}" if key.id in used else "never used"
        click.echo(f"{key.id}  {state}  made {_day(key.created_s)}  {last}  {key.label}".rstrip())


def _limits(record: TenantRecord) -> str:
    said = [f"{name} {limit}" for name in LIMITS if (limit := getattr(record.limits, name)) is not None]
    return ", ".join(said) if record.limits != TenantLimits() else "no limits"


def _hand_over(key: str) -> None:
    click.echo("Its key, which nobody can show again:", err=True)
    click.echo(key)


def _day(unix_s: int) -> str:
    return datetime.fromtimestamp(unix_s, UTC).date().isoformat()


def _at_store(act: Callable[[TenantStore], Coroutine[Any, Any, T]]) -> T:
    from shared.streams.tenants import TenantStore

    return _at_redis(lambda redis: act(TenantStore(redis)))


def _at_redis(act: Callable[[Redis], Coroutine[Any, Any, T]]) -> T:
    from shared.settings import FleetSettings
    from shared.streams import connect

    async def acting() -> T:
        redis = connect(FleetSettings().redis_url)
        try:
            return await act(redis)
        finally:
            await redis.aclose()

    return asyncio.run(acting())
