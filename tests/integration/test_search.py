"""GET /api/activities/search."""

import urllib.parse

import pytest

from harness.shapes import ACTIVITY, messages, uuids

PATH = "/api/activities/search"


def search(api, term, extra=""):
    return api.get(f"{PATH}?term={urllib.parse.quote(term, safe='')}{extra}").expect(200)


@pytest.fixture(scope="module")
def author(database):
    return database.add_user()


def test_whole_and_partial_words_newest_first(api, database, author):
    old = database.add_activity(author, "Watching xylophones at dusk", age=30)
    new = database.add_activity(author, "One XYLOPHONE, two pianos", age=10)
    database.add_activity(author, "Only pianos", age=5)
    database.add_activity(author, "An expired xylophone", age=1, expires_in=-1)
    assert uuids(search(api, "xylophone")) == [new, old]
    assert uuids(search(api, "xylop")) == [new, old]
    assert uuids(search(api, "Xylophones")) == [old]
    assert uuids(search(api, "ylophon")) == [new, old]
    assert all(row.keys() == ACTIVITY for row in search(api, "xylophone"))


def test_every_word_must_be_there(api, database, author):
    both = database.add_activity(author, "quokkas sleep under marulas")
    database.add_activity(author, "quokkas wander")
    database.add_activity(author, "marulas ripen")
    assert uuids(search(api, "quokkas marulas")) == [both]
    assert uuids(search(api, "marulas  quokkas ")) == [both]
    assert uuids(api.get(f"{PATH}?term=quokkas+marulas").expect(200)) == [both]


def test_tags(api, database, author):
    tagged = database.add_activity(author, "Shipping it #zeppelinops today")
    database.add_activity(author, "zeppelinops without the tag")
    assert uuids(search(api, "#zeppelinops")) == [tagged]
    assert len(search(api, "zeppelinops")) == 2


def test_handles(api, database):
    user = database.add_user(handle="wombatwrangler")
    written = database.add_activity(user, "about something else", age=20)
    mention = database.add_activity(database.add_user(), "hey @wombatwrangler!", age=10)
    assert uuids(search(api, "wombatwrangler")) == [mention, written]
    assert uuids(search(api, "WombatWrang")) == [mention, written]
    found = uuids(search(api, "@wombatwrangler"))
    assert mention in found


@pytest.mark.parametrize(
    "term, matching, other",
    [
        ("47%off", "sale 47%off now", "sale 47 and off"),
        ("snake_zzcase", "my snake_zzcase name", "my snakeXzzcase name"),
        ("back\\slashzz", "a back\\slashzz here", "a backslashzz here"),
        ("it's'zzq", "it's'zzq quoted", "its zzq unquoted"),
        ("(zzq|[par", "odd (zzq|[par signs", "odd zzq par signs"),
    ],
)
def test_metacharacters_are_literal(api, database, author, term, matching, other):
    found = database.add_activity(author, matching)
    database.add_activity(author, other)
    assert uuids(search(api, term)) == [found]


def test_an_at_sign_alone_names_nobody(api, database, author):
    database.add_activity(author, "a message without that sign")
    for term in ("@", " @ "):
        assert "a message without that sign" not in messages(search(api, term))


def test_many_words_in_any_order(api, database, author):
    found = database.add_activity(author, "alphaq bravoq charlieq deltaq echoq foxtrotq golfq")
    assert uuids(search(api, "alphaq bravoq charlieq deltaq echoq foxtrotq golfq")) == [found]
    assert uuids(search(api, "golfq foxtrotq echoq deltaq charlieq bravoq alphaq")) == [found]
    assert search(api, "alphaq bravoq charlieq deltaq echoq foxtrotq hotelq") == []


@pytest.mark.parametrize("term", ["%", "_", "\\", "%%%", "___", "\\\\\\"])
def test_a_term_of_metacharacters_alone_does_not_match_everything(api, database, author, term):
    database.add_activity(author, "nothing of that kind here")
    assert "nothing of that kind here" not in messages(search(api, term))


def test_letters_of_every_script_without_case(api, database, author):
    found = database.add_activity(author, "ÉCOLE ПРИВЕТМИР 東京タワー \U0001f9a6\U0001f9a6")
    for term in ("école", "приветмир", "東京タワー", "タワー", "\U0001f9a6"):
        assert uuids(search(api, term)) == [found], term


def test_a_short_term(api, database, author):
    found = database.add_activity(author, "qj")
    assert found in uuids(search(api, "qj"))
    assert found in uuids(search(api, "q"))


def test_nothing_found(api):
    assert search(api, "surelynobodywrotethis") == []


@pytest.mark.parametrize(
    "query", ["", "?", "?term", "?term=", "?term=%20%09", "?term=+", "?term=%E3%80%80", "?Term=abc"]
)
def test_search_term_blank(api, query):
    api.get(PATH + query).expect(422, ["search_term_blank"])


def test_every_broken_rule_is_listed(api):
    api.get(f"{PATH}?term=&limit=0&before=x").expect(
        422, ["search_term_blank", "limit_invalid", "cursor_invalid"]
    )


@pytest.mark.parametrize(
    "raw_term",
    [
        "%00",
        "abc%00def",
        "%ff%fe",
        "%c3",
        "%ed%a0%80",
        "%",
        "%zz",
        "a%2",
        "a" * 3000,
        "%F0%9F%98%80" * 250,
        "a%20" * 700,
        "%25" * 500,
        "%5C" * 501,
    ],
)
def test_a_strange_term_does_no_harm(api, raw_term):
    answer = api.get(f"{PATH}?term={raw_term}")
    assert answer.status in (200, 422)
    if answer.status == 422:
        assert answer.json() == ["search_term_blank"]


def test_the_first_of_two_terms_counts(api, database, author):
    first = database.add_activity(author, "firstofterms")
    database.add_activity(author, "secondofterms")
    found = api.get(f"{PATH}?term=firstofterms&term=secondofterms").expect(200)
    assert uuids(found) == [first]


def test_pages(api, database, author):
    made = [database.add_activity(author, f"pagedneedle {age}", age=age) for age in range(7)]
    first = api.get(f"{PATH}?term=pagedneedle&limit=4")
    assert uuids(first.expect(200)) == made[:4]
    assert first.header("Link")
