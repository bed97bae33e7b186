"""GET /api/activities/search."""

import re
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


@pytest.mark.parametrize("raw_term", ["%00", "abc%00def", "%ff%fe", "%c3", "%ed%a0%80", "a+%ff"])
def test_search_term_invalid(api, raw_term):
    api.get(f"{PATH}?term={raw_term}").expect(422, ["search_term_invalid"])


@pytest.mark.parametrize("raw_term", [
    "a" * 281, "a" * 3000, "%F0%9F%98%80" * 281, "%25" * 281, "%5C" * 281, "c+" * 17, "a%20" * 100,
])
def test_search_term_exceed_max_chars(api, raw_term):
    api.get(f"{PATH}?term={raw_term}").expect(422, ["search_term_exceed_max_chars"])


@pytest.mark.parametrize("raw_term", [
    "a" * 280, "%F0%9F%98%80" * 280, "%25" * 280, "%5C" * 280, "zx+" * 16, "_" * 280, "%e2%80%94" * 280,
])
def test_the_longest_terms(api, raw_term):
    assert api.get(f"{PATH}?term={raw_term}").expect(200) == []


@pytest.mark.parametrize("raw_term, message", [
    ("zz100%", "now zz100% sure"), ("zz%2", "a zz%2 b"), ("%zzq", "the %zzq sign"), ("zzp%25zz", "zzp%zz here"),
])
def test_a_stray_percent_sign_is_itself(api, database, author, raw_term, message):
    found = database.add_activity(author, message)
    database.add_activity(author, message.replace("%", "-"))
    assert uuids(api.get(f"{PATH}?term={raw_term}").expect(200)) == [found]


@pytest.mark.parametrize("space", ["\u3000", "\u00a0", "\u2003", "\u2028", "\u0085", "\t", "\n"])
def test_words_end_at_any_white_space(api, database, author, space):
    one, other = f"spaced{ord(space):05x}", f"words{ord(space):05x}"
    found = database.add_activity(author, f"{one} and {other}")
    assert uuids(search(api, f"{other}{space}{one}{space}")) == [found]


def test_composed_and_decomposed_accents_find_each_other(api, database, author):
    composed = database.add_activity(author, "smo\u0308rga\u030asbordzz", age=2)
    decomposed = database.add_activity(author, "sm\u00f6rg\u00e5sbordzz", age=1)
    for term in ("sm\u00f6rg\u00e5sbordzz", "smo\u0308rga\u030asbordzz", "SM\u00d6RG\u00c5SBORDZZ"):
        assert uuids(search(api, term)) == [decomposed, composed], term


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


# --- Many rows ---


def fill(database, author, count, message, living, age):
    """Rows a millisecond apart, the newest of them `age` seconds old."""
    database.run(
        """insert into public.activities (user_uuid, message, created_at, expires_at)
           select %s, %s, at, timezone('UTC', now()) + %s * interval '1 day'
           from (select timezone('UTC', now()) - %s * interval '1 s' - n * interval '1 ms' as at
                 from generate_series(1, %s) n) times""",
        author.uuid, message, 1 if living else -1, age, count)


@pytest.fixture(scope="module")
def many(database):
    """From new to old: 10,500 expired, 1,100 living, 9,500 living, of which the words tell."""
    author = database.add_user()
    fill(database, author, 10500, "expiredfiller", False, 1000)
    fill(database, author, 1100, "livingfiller", True, 2000)
    fill(database, author, 9500, "olderfiller", True, 3000)
    database.run("analyze public.activities")
    return author


def pages(api, term, limit=5):
    """The pages that Link leads to, each as uuids."""
    found, path = [], f"{PATH}?term={urllib.parse.quote(term)}&limit={limit}"
    while path:
        answer = api.get(path)
        found.append(uuids(answer.expect(200)))
        link = answer.header("Link")
        path = re.fullmatch(r'<(.*)>; rel="next"', link)[1] if link else None
        assert len(found) < 50
    return found


def test_expired_rows_hide_no_living_one(api, database, many):
    found = database.add_activity(many, "\u6c34 qv", age=2001)
    for term in ("qv", "\u6c34", "\u6c34 qv", "v qv"):
        assert pages(api, term)[0] == [found], term


@pytest.mark.parametrize("term", ["qw", "\U0001f9a7\U0001f9a7\U0001f9a7", "\u2014\u2014\u2014\u2014", "\u3002\u3002\u3002"])
def test_a_link_goes_on_where_the_looking_ended_even_from_an_empty_page(api, database, many, term):
    found = [database.add_activity(many, f"old {term}", age=5000 + age) for age in range(7)]
    there = pages(api, term)
    assert there[0] == []
    assert sum(there, []) == found


def test_a_rare_word_is_found_at_once_wherever_it_is(api, database, many):
    found = [database.add_activity(many, f"rarefindzz {age}", age=6000 + age) for age in range(7)]
    expired = database.add_activity(many, "rarefindzz expired", age=6000, expires_in=-5)
    forever = database.add_activity(many, "rarefindzz stays", age=6100, expires_in=None)
    assert pages(api, "rarefindzz") == [found[:5], [*found[5:], forever]]
    assert expired not in sum(pages(api, "a b c d rarefindzz"), [])
    assert pages(api, "7 6 rarefindzz")[0] == []
    assert pages(api, "4 a e r d rarefindzz")[0] == [found[4]]


def test_a_handle_is_found_wherever_its_activities_are(api, database, many):
    user = database.add_user(handle="faraway_quetzalcoatl")
    found = [database.add_activity(user, f"message {age}", age=7000 + age) for age in range(3)]
    assert pages(api, "quetzalcoat") == [found]


def test_a_common_word_behind_expired_rows(api, database, many):
    assert [len(page) for page in pages(api, "livingfiller", limit=100)] == [100] * 11
    assert [len(page) for page in pages(api, "ng", limit=100) if page][:11] == [100] * 11
