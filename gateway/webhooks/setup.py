"""Webhooks as the settings have them."""

from __future__ import annotations

from gateway.settings import GatewaySettings
from gateway.webhooks.addresses import Guard
from gateway.webhooks.courier import Courier
from gateway.webhooks.signature import Signer


def signer_of(settings: GatewaySettings) -> Signer | None:
    """None: there are no webhooks. Raises FleetError."""
    secret = settings.webhook_secret
    return Signer(secret.get_secret_value()) if secret else None


def guard_of(settings: GatewaySettings) -> Guard:
    """Where they may go."""
    return Guard(settings.webhook_allow_http, settings.webhook_allowed_networks)


def courier_of(settings: GatewaySettings) -> Courier | None:
    """Who delivers them; None: there are none. Raises FleetError."""
    signer = signer_of(settings)
    return Courier(guard_of(settings), signer) if signer else None
