"""The home page makes a fixed number of queries for each role, and its rail counts what it lists."""

import re

import pytest
from django.db import connection
from django.urls import reverse

MOST_QUERIES = {"owner": 25, "member": 20, "risk": 19, "finance": 22, "admin": 24, "auditor": 10, "bystander": 19}


def look(client, person):
    """The home page, warm, with the queries that it made."""
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    client.get(reverse("home"))
    made = []

    def note(execute, sql, params, many, context):
        made.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        page = client.get(reverse("home"))
    assert page.status_code == 200
    return page.content.decode(), [sql for sql in made if not sql.startswith(("SAVEPOINT", "RELEASE"))]


@pytest.mark.parametrize("who", MOST_QUERIES)
def test_more_packets_make_no_more_queries(client, world, submitted, draft, promotable, who):
    _, before = look(client, world.person(who))
    for i in range(3):
        world.complete_packet(world.register(f"Another assistant {i}"))
        world.draft(world.register(f"A drafted assistant {i}"))
    _, after = look(client, world.person(who))
    assert len(after) == len(before)
    assert len(after) <= MOST_QUERIES[who], "\n".join(after)


@pytest.mark.parametrize("who", ["owner", "risk", "finance", "bystander", "auditor"])
def test_the_rail_counts_the_sign_offs_that_the_page_lists(client, world, submitted, who):
    world.complete_packet(world.register("Another assistant"))
    page, _ = look(client, world.person(who))
    reviews = client.get(reverse("review_list")).content.decode()
    count = re.compile(r'href="/reviews/"[^>]*>(.*?)</a>', re.DOTALL)
    assert count.search(page)[1] == count.search(reviews)[1]
