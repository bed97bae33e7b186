"""What every case is given: the settings, the databases, servers, and turns to take."""

import contextlib
import statistics
import sys

import clients
import data
from cluster import Cluster
from server import Server
from tokens import Issuer

CONNECTIONS = 64  # of wrk and of pgbench, unless a case says otherwise
SLOW_FLUSH_US = 2000  # what a flush of a network disk takes


class Bench:
    def __init__(self, arguments):
        self.seconds = arguments.seconds
        self.turns = arguments.turns
        self.cores = arguments.cores
        self.rows = arguments.rows
        self.large_rows = arguments.large_rows
        self.binary = arguments.binary
        self.old_binary = arguments.old
        self.stack = contextlib.ExitStack()
        self.databases = {}

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            self.cluster = stack.enter_context(Cluster())
            self.slow_cluster = None
            self.issuer = Issuer(self.cluster.folder)
            self.stack = stack.pop_all()
        return self

    def __exit__(self, *unused):
        self.stack.close()

    @staticmethod
    def say(text):
        print(text, file=sys.stderr, flush=True)

    def database(self, rows=None, slow=False, old=False):
        """The URL of a database with so many activities; made when it is first asked for. `slow`: on a
        disk whose flushes take 2 ms more; `old`: with the tables that the old executable knows."""
        rows = rows or self.rows
        key = (rows, slow, old)
        if key not in self.databases:
            self.say(f"  filling a database with {rows:,} activities")
            cluster = self.get_slow_cluster() if slow else self.cluster
            url = cluster.create_database(f"cruddur_{rows}{'_old' if old else ''}")
            data.fill(self.old_binary if old else self.binary, url, rows)
            self.say(f"  it takes {data.size(url)}")
            self.databases[key] = url
        return self.databases[key]

    def get_slow_cluster(self):
        if not self.slow_cluster:
            self.slow_cluster = self.stack.enter_context(Cluster(SLOW_FLUSH_US))
        return self.slow_cluster

    def new_server(self, rows=None, database=None, old=False, **settings):
        """A server on `database`, or database(rows), which runs within a with statement."""
        binary = self.old_binary if old else self.binary
        return Server(binary, database or self.database(rows, old=old), self.issuer, **settings)

    @contextlib.contextmanager
    def server(self, rows=None, **settings):
        """A running server; says which process it is, for a profiler."""
        with self.new_server(rows, **settings) as server:
            self.say(f"  the server is process {server.process.pid}")
            yield server

    def wrk(self, url, connections=CONNECTIONS, seconds=None, **options):
        return clients.wrk(url, connections, seconds or self.seconds, self.cores, **options)

    def pgbench(self, database, statement, parameters, connections=CONNECTIONS, seconds=None):
        """Transactions a second of a statement of db/sql, 'resource/verb'."""
        script = data.pgbench_script(statement, parameters)
        return self.run_pgbench(database, script, parameters, connections, seconds)

    def run_pgbench(self, database, script, parameters=(), connections=CONNECTIONS, seconds=None):
        """Transactions a second of a script of pgbench's, whose :p1, :p2, … are the parameters."""
        return clients.pgbench(
            database,
            script,
            parameters,
            connections,
            seconds or self.seconds,
            self.cores,
            self.cluster.folder,
        )

    def alternate(self, **contenders):
        """Calls the functions in alternating turns, after one short warm-up each; the results of all
        turns by name. Each is called with the seconds it is to take."""
        results = {name: [] for name in contenders}
        for contender in contenders.values():
            contender(min(self.seconds, 2))
        for turn in range(self.turns):
            order = list(contenders) if turn % 2 == 0 else list(contenders)[::-1]
            for name in order:
                results[name].append(contenders[name](self.seconds))
                self.say(f"  turn {turn + 1}, {name}: {results[name][-1]}")
        return results


def median(values):
    return statistics.median(values)
