"""How many blocks of Postgres a request touches, however many rows there are and have expired."""

import hashlib
import json
import os
import pathlib
import subprocess

import data
import report
from cluster import psql

FILL = pathlib.Path(__file__).resolve().parents[1] / "blocks.sql"
SMALL_ROWS, TARGET = 300_000, 3000
EXPIRED_DAYS_AGO = 27.9  # the rows' 30 days ended then: 1 % of them lives
FIRST = ("infinity", "ffffffff-ffff-ffff-ffff-ffffffffffff")
HOME_ROWS, PROFILE_ROWS, SEARCH_ROWS = 51, 41, 51  # what the server asks for: the page and one more


def word(letter, number, length):
    """A word of some messages, as blocks.sql makes it."""
    return hashlib.md5(f"{letter}{number}".encode()).hexdigest()[:length]


def home(url):
    return touched(url, "activities/home", *FIRST, HOME_ROWS)


def last_page(url):
    hour = psql(url, "-c", "SELECT min(created_at) + interval '1 hour' FROM public.activities").strip()
    return touched(url, "activities/home", hour, FIRST[1], HOME_ROWS)


def profile(handle):
    return lambda url: (touched(url, "users/profile", handle)
                        + touched(url, "activities/profile", handle, *FIRST, PROFILE_ROWS))


def notifications(number):
    return lambda url: touched(url, "activities/notifications", f"sub {number}", *FIRST, HOME_ROWS)


def search(*words):
    """The words with the longest runs of letters come first, as the server sorts them. Where the looking
    through finds no page, and the statement says that the index can help, the server asks that too."""
    patterns = [f"%{each}%" for each in words]
    every, handle = "\x01".join(patterns), f"%{' '.join(words)}%"
    four = (patterns + ["%"] * 4)[:4]

    def measure(url):
        blocks, rows = explained(url, "activities/search", every, handle, *FIRST, SEARCH_ROWS)
        indexed = any(letters_in_a_row(each) >= 3 for each in words[:4])
        if rows < SEARCH_ROWS and indexed:
            blocks += touched(url, "activities/search_indexed", *four, handle, *FIRST, SEARCH_ROWS, every)
        return blocks

    return measure


def letters_in_a_row(text):
    longest = run = 0
    for letter in text:
        run = run + 1 if letter.isalnum() else 0
        longest = max(longest, run)
    return longest


REQUESTS = {
    "Home": home,
    "Home, the last page": last_page,
    "Profile": profile("user5"),
    "Profile of who wrote each 20th": profile("user1"),
    "Notifications, none": notifications(5),
    "Notifications, in each 50th a mention": notifications(1),
    "Notifications, each 100th a reply": notifications(2),
    "Notifications, the handle is in each as a word": notifications(3),
    "Search, a word of each": search("cloud"),
    "Search, a word of one in 700": search(word("a", 77, 6)),
    "Search, a word of one in 50,000": search(word("b", 777, 8)),
    "Search, a word of none": search("zzqxw"),
    "Search, `go`": search("go"),
    "Search, `東京`": search("東京"),
    "Search, `😀😀😀`": search("😀😀😀"),
    "Search, `———`": search("———"),
    "Search, five words, one of them rare": search("zzqxw", "a", "b", "c", "d"),
    "Search, 16 words": search("cloud", *("c" * 15)),
    "Search, a part of many handles": search("user1"),
}


def literal(value):
    return "'" + str(value).replace("'", "''") + "'"


def explained(url, name, *parameters):
    """The blocks that the statement touches when it is planned as in the server, and its rows."""
    text = (data.PROJECT / "db" / "sql" / f"{name}.sql").read_text(encoding="utf-8")
    plan = "custom" if "-- plan: custom" in text else "generic"
    values = ", ".join(map(literal, parameters))
    execute = f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE measured ({values});"
    sql = f"SET plan_cache_mode = force_{plan}_plan;\nPREPARE measured AS {data.statement(name)};\n"
    answer = psql(url, sql=f"{sql}{execute}\n\\echo next\n{execute}\n").partition("next\n")[2]
    top = json.loads(answer)[0]["Plan"]
    return top["Shared Hit Blocks"] + top["Shared Read Blocks"], top["Actual Rows"]


def touched(url, name, *parameters):
    return explained(url, name, *parameters)[0]


def fill(bench, rows, living):
    url = bench.cluster.create_database(f"blocks_{rows}_{'living' if living else 'expired'}")
    bench.say(f"  filling a database with {rows:,} activities, {'all living' if living else '99 % expired'}")
    subprocess.run([bench.binary, "migrate"], check=True, env={**os.environ, "CONNECTION_URL": url},
                   stdout=subprocess.DEVNULL)
    days_ago = 0 if living else EXPIRED_DAYS_AGO
    psql(url, "-v", f"rows={rows}", "-v", f"living={str(living).lower()}", "-v", f"days_ago={days_ago}", "-f", str(FILL))
    psql(url, "-c", "VACUUM ANALYZE")
    return url


def run(bench):
    """A row for each request, all sizes beside each other; each database goes before the next comes."""
    sizes = [(rows, living) for rows in (SMALL_ROWS, bench.large_rows) for living in (True, False)]
    found = {what: {} for what in REQUESTS}
    for rows, living in sizes:
        url = fill(bench, rows, living)
        for what, measure in REQUESTS.items():
            found[what][rows, living] = measure(url)
            bench.say(f"  {what}: {found[what][rows, living]:,} blocks")
        psql(bench.cluster.url("postgres"), "-c", f'DROP DATABASE "{url.rsplit("/", 1)[1]}"')
    for what, blocks in found.items():
        small, large = ([f"{blocks[rows, living]:,}" for living in (True, False)] for rows in (SMALL_ROWS, bench.large_rows))
        most = blocks[bench.large_rows, False]
        yield report.Row(
            f"Blocks of {bench.large_rows:,} rows: {what}",
            f"{large[1]} where 99 % have expired, {large[0]} living",
            f"of {SMALL_ROWS:,}: {small[1]}, {small[0]}",
            f"{most:,}",
            f"at most {TARGET:,}",
            most <= TARGET,
        )
