"""The real binary as a child process: its port, its log, its end."""

import json
import os
import pathlib
import re
import signal
import subprocess
import threading

from harness import PROJECT, scratch

BINARY = pathlib.Path(os.environ.get("CRUDDUR_BINARY", PROJECT / "build" / "release" / "cruddur"))
START_TIMEOUT = 60
STOP_TIMEOUT = 10
DEFECTS = re.compile(
    r"ERROR: AddressSanitizer|LeakSanitizer|WARNING: ThreadSanitizer|runtime error:|Assertion"
)


def environment(**settings):
    """What the binary sees: nothing of the caller's but paths and sanitizer options."""
    kept = ("PATH", "HOME", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "LSAN_OPTIONS")
    result = {name: os.environ[name] for name in kept if name in os.environ}
    result.update({name: str(value) for name, value in settings.items() if value is not None})
    return result


def run(*arguments, timeout=START_TIMEOUT, **settings):
    """Runs the binary to its end; returns the completed process with text output."""
    done = subprocess.run(
        [str(BINARY), *arguments],
        env=environment(**settings),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert not DEFECTS.search(done.stderr), done.stderr
    return done


class Log:
    """The lines of the server's stdout as they come, each a JSON object."""

    def __init__(self, stream):
        self.events = []
        self.strange = []
        self.ended = False
        self.changed = threading.Condition()
        self.thread = threading.Thread(target=self._collect, args=(stream,), daemon=True)
        self.thread.start()

    def _collect(self, stream):
        for line in stream:
            with self.changed:
                self._add(line)
                self.changed.notify_all()
        with self.changed:
            self.ended = True
            self.changed.notify_all()

    def _add(self, line):
        try:
            event = json.loads(line)
            assert {"time", "level", "message"} <= event.keys()
            self.events.append(event)
        except (ValueError, AssertionError, AttributeError):
            self.strange.append(line)

    def find(self, **fields):
        """The events whose fields have these values."""
        with self.changed:
            return [event for event in self.events if fields.items() <= event.items()]

    def wait_for(self, number=1, **fields):
        """The first of `number` events with these fields, or None when the log ended without."""
        with self.changed:
            found = []

            def look():
                found[:] = [event for event in self.events if fields.items() <= event.items()]
                return len(found) >= number or self.ended

            assert self.changed.wait_for(look, START_TIMEOUT), f"no event with {fields} in the log"
            return found[0] if found else None

    def text(self):
        with self.changed:
            return "\n".join([json.dumps(event) for event in self.events] + self.strange)


class ServerProcess:
    """`cruddur serve` as a child that goes when we do."""

    def __init__(self, command, settings, **streams):
        self.settings = settings
        self.process = subprocess.Popen(
            [*scratch.dies_with_us(), *map(str, command)],
            env=environment(**settings),
            stdin=subprocess.DEVNULL,
            **streams,
        )

    def running(self):
        return self.process.poll() is None

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def wait(self, timeout=STOP_TIMEOUT):
        """Waits for the end and returns the exit code; a server that does not end is killed."""
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"the server runs on {timeout} s after SIGTERM") from None


class Server(ServerProcess):
    """A server whose log and errors are read as they come."""

    def __init__(self, *arguments, **settings):
        super().__init__(
            [BINARY, "serve", *arguments],
            settings,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )
        self.log = Log(self.process.stdout)
        self.errors = ""
        self.error_thread = threading.Thread(target=self._collect_errors, daemon=True)
        self.error_thread.start()
        self.port = self._wait_for_port()

    def _collect_errors(self):
        for line in self.process.stderr:
            self.errors += line

    def _wait_for_port(self):
        try:
            listening = self.log.wait_for(message="listening")
        finally:
            if not self.log.find(message="listening"):
                self.process.kill()
                code = self.process.wait()
                self.error_thread.join(STOP_TIMEOUT)
        assert listening, f"the server ended with {code}: {self.errors}{self.log.text()}"
        return listening["port"]

    def wait_until_connected(self):
        """Waits until each of its connections to Postgres was opened; readiness asks for less."""
        loops = int(self.settings.get("CRUDDUR_LOOPS", 1))
        connections = int(self.settings.get("CRUDDUR_PG_CONNECTIONS", 4 * loops))
        self.log.wait_for(number=connections, message="postgres connected")

    def wait(self, timeout=STOP_TIMEOUT):
        code = super().wait(timeout)
        self.log.thread.join(STOP_TIMEOUT)
        self.error_thread.join(STOP_TIMEOUT)
        return code

    def show_troubles(self):
        """Prints the last warnings and errors; pytest shows them with a failed test."""
        troubles = [event for event in self.log.find() if event["level"] in ("warning", "error")]
        for event in troubles[-20:]:
            print(json.dumps(event))

    def stop(self):
        """SIGTERM must end it in time, with 0, and without a word from a sanitizer."""
        alive = self.running()
        if alive:
            self.terminate()
        self.show_troubles()
        if not alive:
            raise AssertionError(f"the server had ended with {self.wait()}: {self.errors}")
        self.expect_end()

    def expect_end(self, *codes):
        """Waits for the end of a server that was told to stop; the exit code is 0 or of `codes`."""
        code = self.wait()
        assert not DEFECTS.search(self.errors), self.errors
        assert code in (codes or (0,)), f"exit code {code}: {self.errors}"
        assert not self.log.strange, f"not JSON in the log: {self.log.strange[:3]}"
