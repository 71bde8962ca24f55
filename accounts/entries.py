"""What the ledger says of people, teams and roles. Ids only: the pages look up the names."""

from ledger.kinds import Entry, Id, Slug


class PersonAdded(Entry):
    kind = "person.added"
    sentence = "added a person"
    person: Id


class PersonDeactivated(Entry):
    kind = "person.deactivated"
    sentence = "deactivated a person"
    person: Id


class TeamAdded(Entry):
    kind = "team.added"
    sentence = "added team {slug}"
    team: Id
    slug: Slug


class TeamJoined(Entry):
    kind = "team.joined"
    sentence = "made a person a member of a team"
    team: Id
    person: Id


class TeamLeft(Entry):
    kind = "team.left"
    sentence = "ended a person's membership of a team"
    team: Id
    person: Id


class RoleGranted(Entry):
    kind = "role.granted"
    sentence = "granted the role {role}"
    person: Id
    role: Slug
    grant: int


class RoleRevoked(Entry):
    kind = "role.revoked"
    sentence = "revoked the role {role}"
    person: Id
    role: Slug
    grant: int


class ServiceAccountAdded(Entry):
    kind = "service_account.added"
    sentence = "made a service account"
    service: Id
    team: Id


class ServiceAccountRetired(Entry):
    kind = "service_account.retired"
    sentence = "retired a service account"
    service: Id


class TokenMade(Entry):
    kind = "token.made"
    sentence = "made the API token {prefix}"
    token: Id
    person: Id
    prefix: Slug
    scopes: list[Slug]
    expires_at: str


class TokenRevoked(Entry):
    kind = "token.revoked"
    sentence = "revoked the API token {prefix}"
    token: Id
    prefix: Slug


class SignedIn(Entry):
    kind = "person.signed_in"
    sentence = "signed in"
    person: Id
    method: Slug


class SignInFailed(Entry):
    kind = "person.sign_in_failed"
    sentence = "failed to sign in"
    person: Id


class ReauthenticationFailed(Entry):
    kind = "person.reauthentication_failed"
    sentence = "gave a wrong {what} when signing"
    person: Id
    what: Slug
