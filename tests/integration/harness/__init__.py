"""What the integration tests stand on: a private Postgres, the real binary, tokens, clients."""

import pathlib
import sys

PROJECT = pathlib.Path(__file__).resolve().parents[3]
sys.path.append(str(PROJECT / "bin" / "lib"))  # private_postgres
