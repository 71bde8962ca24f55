"""Forms of the registry's pages that no section brings."""

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django import forms
from django.db.models import Q

from accounts.models import Person, Team
from registry.finding import Asked, words_of
from registry.models import Agent, DataSource, Packet, SavedView, Tool
from registry.vocabulary import AgentStatus, Autonomy, Gate, PacketState, ProposalState, RiskClass, ToolTag
from web.forms import choosing


class AgentForm(forms.ModelForm):
    """Registers an agent. Offers only the teams that the person may act for."""

    class Meta:
        model = Agent
        fields = [
            "name",
            "summary",
            "team",
            "owner",
            "deputy",
            "relationship",
            "autonomy",
            "risk_class",
            "support_path",
            "next_review",
        ]
        labels = {
            "relationship": "What it is to us",
            "autonomy": "How far it acts alone",
            "risk_class": "Risk class",
            "support_path": "Support path",
            "next_review": "Next review",
        }
        help_texts = {
            "name": "As people call it. Its address is made of it and stays.",
            "summary": "One sentence: who asks it, for what.",
            "team": "The team that works on it and files its packets.",
            "owner": "The person who answers for it and can say no.",
            "deputy": "Who answers while the owner is away.",
            "risk_class": "As the EU AI Act sorts it. In doubt, the higher one.",
            "support_path": "Where people report a bad answer: queue, channel, telephone.",
            "next_review": "When somebody looks at it again even if nothing changes.",
        }
        widgets = {"next_review": forms.DateInput(attrs={"type": "date"})}

    def __init__(self, *args: Any, person: Person, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choosing(self, "team").queryset = Team.objects.visible_to(person).filter(pk__in=person.team_ids)
        if len(person.team_ids) == 1:
            self.initial.setdefault("team", *person.team_ids)
        people = Person.objects.visible_to(person).people().filter(is_active=True).order_by("name")
        choosing(self, "owner").queryset = choosing(self, "deputy").queryset = people

    def _post_clean(self) -> None:
        """Leaves uniqueness and the rest to the action, which says it in its own words and records it."""


class CardForm(AgentForm):
    """Changes an agent's card. Team and owner are not on it: an agent changes hands by a hand-over."""

    seen = forms.CharField(widget=forms.HiddenInput, required=False)

    class Meta(AgentForm.Meta):
        fields = [
            "name",
            "summary",
            "relationship",
            "autonomy",
            "risk_class",
            "deputy",
            "next_review",
            "support_path",
            "calls",
        ]
        labels = {**AgentForm.Meta.labels, "calls": "Agents that it calls"}
        help_texts = {
            **AgentForm.Meta.help_texts,
            "name": "As people call it. Its address stays as it is.",
            "autonomy": "Another level than the one that was signed makes sign-offs lapse.",
            "risk_class": "Another class than the one that was signed makes sign-offs lapse.",
            "calls": "What goes wrong there goes wrong here. Hold Ctrl or Cmd to choose several.",
        }

    def __init__(self, *args: Any, person: Person, **kwargs: Any) -> None:
        forms.ModelForm.__init__(self, *args, **kwargs)
        agent = self.instance
        # Who has left stays on offer where they are named, so that saving something else does not clear the place.
        people = Person.objects.visible_to(person).people().filter(Q(is_active=True) | Q(pk=agent.deputy_id))
        choosing(self, "deputy").queryset = people.exclude(pk=agent.owner_id).order_by("name")
        choosing(self, "calls").queryset = Agent.objects.visible_to(person).exclude(pk=agent.pk).order_by("name", "id")
        self.fields["calls"].widget.attrs["size"] = 6


class HandoverForm(forms.Form):
    """Offers an agent to a new owner."""

    to = forms.ModelChoiceField(
        Person.objects.none(), label="New owner", help_text="Must accept before anything changes."
    )
    note = forms.CharField(
        max_length=500,
        required=False,
        label="What they should know",
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="What runs, what is open, who knows more.",
    )

    def __init__(self, *args: Any, agent: Agent, person: Person, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        people = Person.objects.visible_to(person).people().filter(is_active=True).exclude(pk=agent.owner_id)
        choosing(self, "to").queryset = people.order_by("name")


class AgentFilter(forms.Form):
    """What the list of agents shows. Every choice is in the address."""

    q = forms.CharField(required=False, label="Search agents", strip=True)
    team = forms.ModelChoiceField(Team.objects.none(), required=False, to_field_name="slug", empty_label="All teams")
    owner = forms.ChoiceField(required=False)
    status = forms.ChoiceField(
        required=False,
        choices=[("", "Any status, in use"), *AgentStatus.choices, ("every", "Any status, retired too")],
    )
    gate = forms.ChoiceField(required=False, choices=[("", "Any gate"), *Gate.choices])
    risk = forms.ChoiceField(required=False, choices=[("", "Any risk"), *RiskClass.choices], label="Risk class")
    autonomy = forms.TypedChoiceField(
        required=False, coerce=int, choices=[("", "Any autonomy"), *((one.value, f"L{one.value}") for one in Autonomy)]
    )

    def __init__(self, *args: Any, person: Person, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.person = person
        choosing(self, "team").queryset = Team.objects.visible_to(person)
        self.fields["q"].widget = forms.TextInput(attrs={"type": "search", "placeholder": "Search agents"})
        # Not everybody who owns something: that choice would grow with the organisation. Who is meant is linked to.
        owners = [("", "Any owner"), ("me", "Mine")]
        if (named := self._named(self.data.get("owner", ""))) is not None:
            owners.append((str(named.pk), f"Owned by {named.name}"))
        choosing(self, "owner").choices = owners

    def _named(self, said: str) -> Person | None:
        try:
            return Person.objects.visible_to(self.person).filter(pk=UUID(said)).first()
        except ValueError:
            return None

    def clean_of(self, name: str) -> Any:
        """The value of one filter; None where the address holds something that is no choice."""
        self.is_valid()
        return self.cleaned_data.get(name) or None

    @property
    def asked(self) -> Asked:
        """What the list is narrowed to."""
        team, owner = self.clean_of("team"), self.clean_of("owner")
        facets = {
            "team": team and team.pk,
            "owner": self.person.pk if owner == "me" else owner,
            **{name: self.clean_of(name) for name in ("status", "gate", "risk", "autonomy")},
        }
        every = facets["status"] == "every"
        if every:
            del facets["status"]
        given = {name: value for name, value in facets.items() if value}
        return Asked(words_of(self.data.get("q", "")), given, retired=every)

    @property
    def address(self) -> str:
        """The filters that hold, as they stand in the address."""
        said = {name: self.data.get(name, "") for name in self.fields if name == "q" or self.clean_of(name)}
        said["q"] = " ".join(words_of(said["q"]))
        return urlencode({name: value for name, value in said.items() if value})


class ViewForm(forms.ModelForm):
    """Saves the filters of the list of agents under a name."""

    class Meta:
        model = SavedView
        fields = ["name", "team", "query"]
        labels = {"team": "Share with"}
        help_texts = {"name": "For example Live and blocked.", "team": "Everyone in the team finds it above the list."}
        widgets = {"query": forms.HiddenInput}

    def __init__(self, *args: Any, person: Person, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choosing(self, "team").queryset = Team.objects.visible_to(person).filter(pk__in=person.team_ids)
        self.fields["query"].required = False

    def _post_clean(self) -> None:
        """Leaves uniqueness to the action."""


class RetireForm(forms.Form):
    """Why an agent is retired."""

    reason = forms.CharField(
        max_length=500,
        label="Why, and what takes its place",
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Whoever looks for it later reads this.",
    )


class PacketFilter(forms.Form):
    """What the list of packets shows."""

    q = forms.CharField(required=False, label="Search packets")
    state = forms.ChoiceField(required=False, choices=[("", "Any state"), *PacketState.choices])

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["q"].widget = forms.TextInput(attrs={"type": "search", "placeholder": "Search by agent or version"})


class ProposalFilter(forms.Form):
    """What the list of proposals shows."""

    q = forms.CharField(required=False)
    state = forms.ChoiceField(
        required=False,
        choices=[
            ("", "All that wait"),
            ("mine", "For me to answer"),
            *[one for one in ProposalState.choices if one[0] != ProposalState.OPEN],
            ("all", "All proposals"),
        ],
    )


class PacketForm(forms.Form):
    """Starts a packet of `agent`; `person` chooses what it begins as a copy of."""

    version = forms.CharField(
        max_length=50,
        help_text="The candidate that will be tested and approved, as your eval runs and releases name it, "
        "for example 1.4.0.",
    )
    begins = forms.ChoiceField(label="It begins as", required=False)

    def __init__(self, *args: Any, agent: Agent, person: Person, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        packets = agent.packets.visible_to(person).copyable().order_by("-number")
        self.packets = {str(packet.pk): packet for packet in packets}
        words = [
            (key, f"a copy of packet {one.number}, {one.version}: {one.get_state_display().lower()}")
            for key, one in self.packets.items()
        ]
        field = choosing(self, "begins")
        field.choices = [*words, ("empty", "ten empty sections")]
        approved = next((key for key, one in self.packets.items() if one.state == PacketState.APPROVED), "")
        field.initial = approved or next(iter(self.packets), "empty")
        field.help_text = (
            "Who wrote in a packet that was not approved counts as a writer of its copy, and may not approve it."
            if any(not one.was_approved for one in self.packets.values())
            else ""
        )

    @property
    def copies(self) -> Packet | None:
        """The packet that was chosen, if any."""
        return self.packets.get(self.cleaned_data["begins"])

    @property
    def empty(self) -> bool:
        """Whether an empty beginning was chosen."""
        return bool(self.cleaned_data["begins"] == "empty")


class Lines(forms.CharField):
    """A list of texts, one a line."""

    widget = forms.Textarea

    def prepare_value(self, value: Any) -> Any:
        """The lines as they are typed."""
        return "\n".join(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> Any:
        """The list; empty lines are none."""
        return [line.strip() for line in super().clean(value).splitlines() if line.strip()]


NEVER_LEAVES = "What may never leave"


class DataSourceForm(forms.ModelForm):
    """Adds a data source to the catalogue."""

    never_leaves = Lines(
        required=False,
        label=NEVER_LEAVES,
        help_text="One rule a line: what no answer, log or tool may carry outside, for example account numbers.",
        widget=forms.Textarea(attrs={"rows": 4}),
    )

    class Meta:
        model = DataSource
        fields = [
            "name",
            "description",
            "owner",
            "classification",
            "contract_version",
            "fresh_on",
            "fresh_days",
            "never_leaves",
        ]
        labels = {
            "contract_version": "Data contract",
            "fresh_on": "Fresh as of",
            "fresh_days": "May be this old, in days",
        }
        help_texts = {
            "description": "What it holds, in one sentence.",
            "owner": "Who may say what it may be used for.",
            "classification": "How sensitive it is. Without one, a packet that uses it is not complete.",
            "contract_version": "The version of the contract that says what its fields mean.",
            "fresh_on": "The date of its newest entry, where it ages.",
            "fresh_days": "Older than this it counts as stale, and the X-rays say so.",
        }
        widgets = {
            "fresh_on": forms.DateInput(attrs={"type": "date"}),
            "fresh_days": forms.NumberInput(attrs={"min": 1}),
        }

    def _post_clean(self) -> None:
        """Leaves uniqueness to the action."""


class ToolForm(forms.ModelForm):
    """Adds a tool to the catalogue."""

    tags = forms.MultipleChoiceField(
        choices=ToolTag.choices, required=False, widget=forms.CheckboxSelectMultiple, label="What it touches"
    )

    class Meta:
        model = Tool
        fields = ["slug", "name", "system", "owner", "effect", "tags"]
        labels = {"slug": "Name in code", "name": "Name for people"}
        help_texts = {
            "slug": "As the agent calls it, for example claims.search.",
            "system": "Where it acts.",
            "owner": "Who may confirm what it does.",
            "effect": "What a call does. In doubt leave it irreversible.",
        }

    def _post_clean(self) -> None:
        """Leaves uniqueness to the action."""


class SourceEditForm(DataSourceForm):
    """Changes a data source."""

    seen = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _offer_owners(self)
        if self.instance.contracts.exists():
            del self.fields["contract_version"]  # it is the newest that was published


class LinkForm(forms.Form):
    """Says that one source feeds another."""

    other = forms.ModelChoiceField(DataSource.objects.none(), label="Data source")
    way = forms.ChoiceField(
        choices=[("up", "Its data comes from there"), ("down", "Its data goes there")], label="Which way"
    )
    note = forms.CharField(max_length=200, required=False, label="How", help_text="For example: nightly load.")

    def __init__(self, *args: Any, source: DataSource, person: Person, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rows = DataSource.objects.all().visible_to(person).in_use().exclude(pk=source.pk)
        choosing(self, "other").queryset = rows.order_by("name", "pk")


class OtherForm(forms.Form):
    """Chooses the entry that may be the same as this one."""

    def __init__(self, *args: Any, entry: DataSource | Tool, person: Person, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rows = type(entry).objects.all().visible_to(person).in_use().exclude(pk=entry.pk)
        self.fields["other"] = forms.ModelChoiceField(rows, label="Which one is it the same as?")


class ToolEditForm(forms.ModelForm):
    """Changes a tool's names, system and owner. What it does is confirmed, not edited."""

    seen = forms.CharField(widget=forms.HiddenInput, required=False)

    class Meta:
        model = Tool
        fields = ["name", "system", "owner"]
        labels = {"name": "Name for people"}
        help_texts = {"system": "Where it acts.", "owner": "Who may confirm what it does."}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _offer_owners(self)

    def _post_clean(self) -> None:
        """Leaves the rest to the action."""


class ToolConfirmForm(forms.ModelForm):
    """Says what a call of a tool does."""

    seen = forms.CharField(widget=forms.HiddenInput, required=False)
    tags = forms.MultipleChoiceField(
        choices=ToolTag.choices, required=False, widget=forms.CheckboxSelectMultiple, label="What it touches"
    )

    class Meta:
        model = Tool
        fields = ["effect", "tags"]
        help_texts = {"effect": "What a call does. In doubt leave it irreversible."}

    def _post_clean(self) -> None:
        """Leaves the rest to the action."""


def _offer_owners(form: forms.ModelForm) -> None:
    """People who are here, and the owner who may have left: saving something else does not clear the place."""
    people = Person.objects.people().filter(Q(is_active=True) | Q(pk=form.instance.owner_id))
    choosing(form, "owner").queryset = people.order_by("name")
