"""Many clients in one thread: HTTP by asyncio, for loads that a thread for each would slow down.

    answers = at_once(port, [Request("GET", "/api/activities/home")] * 64)

    with Flood(port, step, clients=64) as flood:   # async def step(client, number, turn): a label
        flood.wait_for(200, more=500)              # labels are counted; None ends this client
"""

import asyncio
import collections
import json as json_module
import threading

from harness.answer import Answer

TIMEOUT = 45  # seconds after which an answer is said never to come


class NotSent(OSError):
    """No connection was made: the server knows nothing of the request."""


class Lost(OSError):
    """The connection ended before the answer: whether the request was done is not known."""


Request = collections.namedtuple(
    "Request", "method target token json key headers", defaults=(None, None, None, {})
)


class Client:
    """One kept connection to `port`, a number or a function that returns it."""

    def __init__(self, port):
        self.port = port
        self.reader = self.writer = None

    async def open(self):
        port = self.port() if callable(self.port) else self.port
        try:
            self.reader, self.writer = await asyncio.open_connection("127.0.0.1", port, limit=2**22)
        except OSError as error:
            raise NotSent(str(error)) from error

    def close(self):
        if self.writer:
            self.writer.close()
        self.reader = self.writer = None

    async def ask(self, method, target, token=None, json=None, key=None, headers=None):
        """`key` is an Idempotency-Key. Raises NotSent or Lost where no answer comes."""
        if self.writer is None:
            await self.open()
        try:
            self.writer.write(encode(method, target, token, json, key, headers or {}))
            return await asyncio.wait_for(self._read(method), TIMEOUT)
        except asyncio.TimeoutError:  # an OSError as well
            self.close()
            raise AssertionError(f"{method} {target} is not answered") from None
        except (OSError, asyncio.IncompleteReadError) as error:
            self.close()
            raise Lost(f"{method} {target}: {error}") from error

    async def _read(self, method):
        head = await self.reader.readuntil(b"\r\n\r\n")
        answer = Answer.from_head(head[:-4])
        if method != "HEAD" and answer.status not in (204, 304):
            answer.body = await self.reader.readexactly(int(answer.header("Content-Length", "0")))
        if (answer.header("Connection") or "").lower() == "close":
            self.close()
        return answer


def encode(method, target, token, json, key, headers):
    lines = [f"{method} {target} HTTP/1.1", "Host: api.test"]
    if token:
        lines.append(f"Authorization: Bearer {token}")
    if key:
        lines.append(f"Idempotency-Key: {key}")
    lines += [f"{name}: {value}" for name, value in headers.items()]
    body = b""
    if json is not None:
        body = json_module.dumps(json).encode()
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def at_once(port, requests):
    """Sends all requests at the same moment, each on a connection of its own that is open before;
    the answers in order."""

    async def run():
        clients = [Client(port) for _ in requests]
        for client in clients:
            await client.open()
        asked = [client.ask(*request) for client, request in zip(clients, requests)]
        answers = await asyncio.gather(*asked)
        for client in clients:
            client.close()
        return answers

    return asyncio.run(run())


class Flood:
    """`clients` of them call `step` one time after the other until it returns None or stop() is
    called. What a step raises is raised by the next call here."""

    def __init__(self, port, step, clients):
        self.port = port
        self.step = step
        self.clients = clients
        self.labels = collections.Counter()
        self.running = clients
        self.error = None
        self.stopping = False
        self.changed = threading.Condition()
        self.thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)

    async def _run(self):
        await asyncio.gather(*(self._client(number) for number in range(self.clients)))

    async def _client(self, number):
        client = Client(self.port)
        try:
            turn = 0
            while not self.stopping:
                label = await self.step(client, number, turn)
                if label is None:
                    return
                turn += 1
                with self.changed:
                    self.labels[label] += 1
                    self.changed.notify_all()
        except BaseException as error:  # pylint: disable=broad-except
            self.error = self.error or error
        finally:
            client.close()
            with self.changed:
                self.running -= 1
                self.changed.notify_all()

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, kind, *unused):
        self.stopping = True
        self.thread.join(TIMEOUT + 60)
        if kind is None:
            assert not self.thread.is_alive(), "a client waits for its answer forever"
            self._check()

    def _check(self):
        if self.error:
            raise self.error

    def count(self):
        with self.changed:
            return sum(self.labels.values())

    def wait_for(self, label=None, more=20, timeout=120):
        """Waits for `more` steps with this label, or with any, beyond those that were done so far."""

        def done():
            return self.labels[label] if label is not None else sum(self.labels.values())

        with self.changed:
            goal = done() + more
            self.changed.wait_for(
                lambda: done() >= goal or self.error or not self.running, timeout
            )
            reached = done() >= goal or not self.running
        self._check()
        assert reached, f"no {more} more of {label}: {dict(self.labels)}"

    def finish(self, timeout=300):
        """Waits until each client has ended by itself."""
        with self.changed:
            ended = self.changed.wait_for(lambda: not self.running or self.error, timeout)
        self._check()
        assert ended, f"{self.running} clients go on: {dict(self.labels)}"
