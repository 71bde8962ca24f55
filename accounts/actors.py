"""Who acts: a person at a browser, a person's token, or a service account; and what only some of them may do."""

from accounts.models import Person
from work.acts import Denied


def a_person(by: Person, never: str) -> None:
    """Refuse a service account. `never` is the act in words, such as "submits a packet". Raises Denied."""
    if by.is_service:
        raise Denied(
            f"{by.name} is a service account. It registers, drafts, reports incidents and has sources pulled; it never {never}. "
            "Ask a person of its team to do that."
        )


def in_person(by: Person, never: str) -> None:
    """Refuse a service account, and a person who came with an API token: who decides sits at the portal. Raises Denied."""
    a_person(by, never)
    if by.token is not None:
        raise Denied(f"An API token never {never}. Sign in to the portal with a browser and do it there.")


def behind(by: Person) -> list[Person]:
    """Everybody whose doing an act is: who acts, and who made the token that a service account acts with.

    Without the second, a person could write a packet through a machine and then approve it as somebody else.
    """
    if by.is_service and by.token is not None:
        return [by, by.token.created_by]
    return [by]
