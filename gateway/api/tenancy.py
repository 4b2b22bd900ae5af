"""Whose request this is."""

from __future__ import annotations

from starlette.requests import HTTPConnection

from gateway.tenants import Tenants
from shared.tenants import EVERYBODY, Tenant


def tenant_of(connection: HTTPConnection) -> Tenant:
    """The tenant whose key came with it; everybody, where none are configured."""
    tenant: Tenant = connection.scope.get("state", {}).get("tenant", EVERYBODY)
    return tenant


def tenant_now(connection: HTTPConnection) -> Tenant:
    """The same of a connection that has been open for a while. Raises InvalidApiKey, QueueUnavailable."""
    tenants: Tenants = connection.app.state.tenants
    return tenants.require_still(tenant_of(connection))


def may_see_the_fleet(connection: HTTPConnection) -> bool:
    """Whether whoever asks for what is free has the ADMIN_API_KEY, or needs no key."""
    tenants: Tenants = connection.app.state.tenants
    is_operator: bool = connection.scope.get("state", {}).get("is_operator", False)
    return is_operator or tenants.is_open
