"""``python -m cli``: what ``kokoro-fleet`` runs, for child processes that must not depend on PATH."""

from cli.leash import heed
from cli.main import main

heed()
main()
