"""What logs show, and what they must not."""

from __future__ import annotations

import subprocess
import sys

import pytest

FAILING = """
from shared.observe import configure_logs, logger
configure_logs("INFO", {form!r})
def speak(api_key, text):
    raise ValueError("it failed")
try:
    speak("sk-kf-" + "secret" * 3, "the text " + "of somebody")
except ValueError:
    logger("test").exception("unexpected")
"""


@pytest.mark.parametrize("form", ["console", "json"])
def test_a_traceback_shows_the_place_and_not_what_variables_hold(form: str) -> None:
    script = [sys.executable, "-c", FAILING.format(form=form)]
    said = subprocess.run(script, capture_output=True, text=True, check=True, timeout=30).stderr
    assert "it failed" in said
    assert "speak" in said
    assert "secretsecret" not in said
    assert "text of" not in said
