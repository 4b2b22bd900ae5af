"""Who may have what, and who has had it: one door that every request for audio goes through. Read ``Door`` first."""

from gateway.metering.door import Charge, Door, Tally
from gateway.metering.journal import Journal
from gateway.metering.standing import Standing

__all__ = ["Charge", "Door", "Journal", "Standing", "Tally"]
