"""What a tenant checks its webhooks' signatures with."""

from __future__ import annotations

from fastapi import APIRouter, Request

from gateway.api.tenancy import tenant_of
from gateway.webhooks.signature import Signer
from shared.errors import NotPermitted

router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"])


@router.get("/secret")
async def retrieve_webhook_secret(request: Request) -> dict[str, str]:
    """The tenant's secret, `whsec_…`, for Standard Webhooks' libraries and OpenAI's `webhooks.unwrap`."""
    signer: Signer | None = request.app.state.webhook_signer
    tenant = tenant_of(request)
    if signer is None:
        raise NotPermitted("There are no webhooks here: WEBHOOK_SECRET is not set.")
    if not tenant.id:
        raise NotPermitted("Without tenants webhooks are signed with WEBHOOK_SECRET itself, which its owner knows.")
    return {"object": "webhook.secret", "secret": signer.secret(tenant.id)}
