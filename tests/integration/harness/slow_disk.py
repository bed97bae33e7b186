"""A disk whose flushes take as long as a network disk's: tests/preload/slow_flush.c, before Postgres.

    cluster = PgCluster.start(environment=slow_disk.environment(folder), **slow_disk.SETTINGS)
"""

import os
import subprocess

from harness.description import PROJECT

SETTINGS = {"fsync": "on", "synchronous_commit": "on"}  # the cluster's own are for speed


def environment(folder, flush_us=2000):
    """Compiles the library into `folder`; what Postgres must see in its environment."""
    library = os.path.join(folder, "slow_flush.so")
    source = PROJECT / "tests" / "preload" / "slow_flush.c"
    command = ["cc", "-shared", "-fPIC", "-O2", "-o", library, str(source), "-ldl"]
    subprocess.run(command, check=True)
    os.chmod(folder, 0o755)  # Postgres runs as another user where we are root
    return {"LD_PRELOAD": library, "SLOW_FLUSH_US": str(flush_us)}
