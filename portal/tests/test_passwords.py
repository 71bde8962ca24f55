"""Getting back in without the password, and that nobody learns who has an account."""

from django.core import mail
from django.urls import reverse


def test_a_forgotten_password_is_reset_by_mail(client, world):
    answer = client.post(reverse("account_reset_password"), {"email": world.member.email}, follow=True)
    assert answer.status_code == 200
    assert [message.to for message in mail.outbox] == [[world.member.email]]
    assert "/account/password/reset/key/" in mail.outbox[0].body


def test_an_unknown_address_gets_the_same_answer(client, world):
    known = client.post(reverse("account_reset_password"), {"email": world.member.email})
    unknown = client.post(reverse("account_reset_password"), {"email": "nobody@bank.example"})
    assert (known.status_code, known.url) == (unknown.status_code, unknown.url)


def test_nobody_signs_up(client, db):
    answer = client.post(reverse("account_signup"), {"email": "new@bank.example", "password1": "a long password here"})
    assert b"admin" in answer.content and answer.status_code == 200
