"""Many clients at once, each of whom knows what its own answers must be."""

import collections
import http.client
import threading


class Load:
    """Runs `clients` threads that call `step(api, number, turn)` until stopped.

    A step checks its answer and returns the status; a mismatch it raises is kept and raised by stop().
    `lost` counts connections that broke, which only some tests allow."""

    def __init__(self, api, step, clients=8):
        self.step = step
        self.statuses = collections.Counter()
        self.lost = 0
        self.errors = []
        self.stopping = False
        self.changed = threading.Condition()
        self.threads = [
            threading.Thread(target=self._run, args=(api.another(), number), daemon=True)
            for number in range(clients)
        ]

    def _run(self, api, number):
        turn = 0
        while not self.stopping:
            try:
                status = self.step(api, number, turn)
            except (OSError, http.client.HTTPException):
                with self.changed:
                    self.lost += 1
                    self.changed.notify_all()
                if self.stopping or self.lost > 1000:
                    return
                turn += 1
                continue
            except BaseException as error:  # pylint: disable=broad-except
                with self.changed:
                    self.errors.append(error)
                    self.changed.notify_all()
                return
            turn += 1
            with self.changed:
                self.statuses[status] += 1
                self.changed.notify_all()
        api.close()

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *unused):
        self.stop()

    def wait_for(self, status, more=20, timeout=60):
        """Waits for `more` answers of `status` beyond those that came so far."""
        with self.changed:
            goal = self.statuses[status] + more
            arrived = self.changed.wait_for(
                lambda: self.statuses[status] >= goal or self.errors, timeout
            )
        self.check()
        assert arrived, f"no {more} answers of {status}: {dict(self.statuses)}, lost {self.lost}"

    def check(self):
        if self.errors:
            raise self.errors[0]

    def stop(self):
        self.stopping = True
        for thread in self.threads:
            thread.join(90)
            assert not thread.is_alive(), "a client waits for its answer forever"
        self.check()


def at_once(functions, timeout=120):
    """Calls all functions at the same moment, each in a thread; returns their results in order."""
    results = [None] * len(functions)
    errors = []
    barrier = threading.Barrier(len(functions))

    def run(index, function):
        try:
            barrier.wait(60)
            results[index] = function()
        except BaseException as error:  # pylint: disable=broad-except
            errors.append(error)

    threads = [
        threading.Thread(target=run, args=pair, daemon=True) for pair in enumerate(functions)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout)
        assert not thread.is_alive(), "a call does not return"
    if errors:
        raise errors[0]
    return results
