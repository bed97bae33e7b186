"""From the start of the process to its first good answers."""

import report
from bench import median

TARGET_MS = 100
STARTS = 10


def run(bench):
    taken = {}
    for _ in range(STARTS):
        with bench.new_server() as server:
            for path, milliseconds in server.started_ms.items():
                taken.setdefault(path, []).append(milliseconds)
    for path, target in (("/api/health-check", TARGET_MS), ("/api/readiness", None)):
        middle = median(taken[path])
        bench.say(f"  {path}: {', '.join(f'{value:.0f}' for value in taken[path])} ms")
        yield report.Row(
            f"Start to the first 200 of {path}",
            f"{middle:.0f} ms",
            f"{STARTS} starts, slowest {max(taken[path]):.0f} ms",
            target=f"at most {target} ms" if target else "",
            met=middle <= target if target else None,
            figure="start_ms" if target else "",
            value=middle,
        )
