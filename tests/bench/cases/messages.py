"""Sending and reading direct messages on Postgres at 64 connections, against pgbench running the same
statements. 32 pairs of users write to each other: in a single group all would wait for its row. Which of
them one of pgbench's clients is follows from its number."""

import json
import uuid

import data
import report
from bench import CONNECTIONS, median
from cluster import psql

TARGET = 0.6
PAIRS = 32
MESSAGES = 100  # in each group from the start
PAGE = 20
TEXT = "Measuring how fast a message is written. " + "x" * 60

PAIR = f"(:client_id % {PAIRS} + 1)"
SUB = data.Expression(f"md5('sub ' || 2 * {PAIR})::uuid::text")
GROUP = data.Expression(f"md5('group ' || {PAIR})::uuid")

FILL = f"""
INSERT INTO public.message_groups (uuid, first_user_uuid, second_user_uuid, last_message_at)
SELECT md5('group ' || n)::uuid,
       least(md5('user ' || 2 * n)::uuid, md5('user ' || 2 * n + 1)::uuid),
       greatest(md5('user ' || 2 * n)::uuid, md5('user ' || 2 * n + 1)::uuid),
       timezone('UTC', now())
FROM generate_series(1, {PAIRS}) n;
INSERT INTO public.messages (message_group_uuid, user_uuid, message, created_at)
SELECT md5('group ' || n)::uuid, md5('user ' || 2 * n + m % 2)::uuid, 'Message ' || m,
       timezone('UTC', now()) - ({MESSAGES} - m) * interval '1 s'
FROM generate_series(1, {PAIRS}) n, generate_series(1, {MESSAGES}) m;
"""


def run(bench):
    database = bench.database()
    psql(database, "-c", "TRUNCATE public.message_groups, public.messages", "-c", FILL)
    psql(database, "-c", "VACUUM ANALYZE public.message_groups, public.messages")
    pairs = [(data.sub(2 * n), group_of(database, n)) for n in range(1, PAIRS + 1)]
    tokens = {sub: bench.issuer.token(sub) for sub, _ in pairs}
    try:
        with bench.server() as server:
            yield compare(bench, server, database, "Reading a group's messages", "messages/list",
                          [(f"/api/messages/{group}", tokens[sub], "") for sub, group in pairs],
                          (SUB, GROUP, *data.HOME_PARAMETERS[:2], str(PAGE + 1)))  # fmt: skip
            yield compare(bench, server, database, "Sending a message", "messages/send",
                          [("/api/messages", tokens[sub], body_for(group)) for sub, group in pairs],
                          (SUB, GROUP, TEXT))  # fmt: skip
    finally:
        psql(database, "-c", "TRUNCATE public.message_groups, public.messages")


def group_of(database, number):
    return str(uuid.UUID(psql(database, "-c", f"SELECT md5('group {number}')").strip()))


def body_for(group):
    return json.dumps({"message": TEXT, "message_group_uuid": group})


def compare(bench, server, database, name, statement, requests, parameters):
    def serve(seconds):
        psql(database, "-c", "CHECKPOINT")  # or one side would pay for the pages of the other
        return bench.wrk(server.url("/"), seconds=seconds, requests=requests)

    def ask(seconds):
        psql(database, "-c", "CHECKPOINT")
        return bench.pgbench(database, statement, parameters, seconds=seconds)

    turns = bench.alternate(server=serve, pgbench=ask)
    ratio = median(t.rate for t in turns["server"]) / median(t.rate for t in turns["pgbench"])
    return report.Row(
        f"{name}, {CONNECTIONS} connections",
        report.rates(turns["server"]),
        f"pgbench, same SQL: {report.rates(turns['pgbench'])}",
        f"{ratio:.2f} of its rate",
        f"at least {TARGET}",
        ratio >= TARGET and all(turn.clean for turn in turns["server"]),
        statement.replace("/", "_"),
        ratio,
    )
