#!/usr/bin/env python3
"""Exit code 0 if the process here answers /livez on the port that is in the environment variable named as argument."""

import os
import sys
import urllib.error
import urllib.request

try:
    urllib.request.urlopen(f"http://127.0.0.1:{os.environ[sys.argv[1]]}/livez", timeout=4).close()
except (OSError, urllib.error.URLError) as error:
    sys.exit(f"/livez: {error}")
