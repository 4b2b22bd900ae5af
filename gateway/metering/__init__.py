"""Who may have what, and who has had it: one way in for every request for audio. Read ``Meter`` first."""

from gateway.metering.journal import Journal
from gateway.metering.meter import Charge, Meter, Notice, Tally, Visit, unnoticed
from gateway.metering.standing import Standing

__all__ = ["Charge", "Journal", "Meter", "Notice", "Standing", "Tally", "Visit", "unnoticed"]
