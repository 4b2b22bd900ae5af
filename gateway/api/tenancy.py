"""Whose request this is."""

from __future__ import annotations

from starlette.requests import HTTPConnection

from shared.tenants import EVERYBODY, Tenant


def tenant_of(connection: HTTPConnection) -> Tenant:
    """The tenant whose key came with it; everybody, where none are configured."""
    tenant: Tenant = connection.scope.get("state", {}).get("tenant", EVERYBODY)
    return tenant
