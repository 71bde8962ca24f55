"""Tags and filters that every template has without loading them."""

import datetime as dt
from decimal import Decimal
from typing import Any

from django import template
from django.forms import BoundField, CheckboxInput, CheckboxSelectMultiple, RadioSelect
from django.template.base import NodeList, Parser, Token
from django.template.context import Context
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import Truncator

from web import markdown, words

register = template.Library()

ICONS = {
    "add": "M12 5v14M5 12h14",
    "arrow": "M5 12h14M13 6l6 6-6 6",
    "back": "M19 12H5M11 6l-6 6 6 6",
    "check": "M5 13l4 4L19 7",
    "close": "M6 6l12 12M18 6L6 18",
    "copy": "M9 9h11v11H9zM5 15V4h11",
    "dark": "M20 14.5A8 8 0 1 1 9.5 4a6.5 6.5 0 0 0 10.5 10.5z",
    "document": "M7 3h7l5 5v13H7zM14 3v5h5",
    "download": "M12 4v11M7 11l5 5 5-5M5 20h14",
    "key": "M14 14l6 6M17 17l2-2M10.5 15a5 5 0 1 1 0-10 5 5 0 0 1 0 10z",
    "light": "M12 7.5a4.5 4.5 0 1 1 0 9 4.5 4.5 0 0 1 0-9zM12 2v2M12 20v2M2 12h2M20 12h2M5 5l1.4 1.4M17.6 17.6L19 19M19 5l-1.4 1.4M6.4 17.6L5 19",
    "out": "M14 4H5v16h9M10 12h11M17 8l4 4-4 4",
    "person": "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4 21a8 8 0 0 1 16 0",
    "refresh": "M20 11a8 8 0 1 0-2.3 6.3M20 4v7h-7",
    "search": "M10.5 4a6.5 6.5 0 1 1 0 13 6.5 6.5 0 0 1 0-13zM15.5 15.5L20 20",
    "stop": "M6 6h12v12H6z",
    "system": "M3 5h18v11H3zM8 20h8M12 16v4",
    "upload": "M12 20V9M7 13l5-5 5 5M5 4h14",
    "warning": "M12 4l9 16H3zM12 10v4M12 17v.5",
}
"""Line icons on a 24 px grid; one path each."""

BROWSER_FORMATS = {"date": "%Y-%m-%d", "datetime-local": "%Y-%m-%dT%H:%M:%S"}
"""What a browser's own date field takes; in a language's usual order it would show, and save, nothing."""


@register.simple_tag
def icon(name: str) -> SafeString:
    """An inline line icon, hidden from screen readers: the words beside it say the same."""
    return format_html(
        '<svg class="icon" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2"'
        ' stroke-linecap="round" stroke-linejoin="round" aria-hidden="true"><path d="{}"/></svg>',
        ICONS[name],
    )


def _verdict(value: object) -> str:
    verdict = str(value)
    return verdict if verdict in words.GLYPHS else words.VERDICTS.get(verdict, "wait")


@register.simple_tag
def chip(verdict: object, said: object) -> SafeString:
    """A verdict as glyph and words: `{% chip "pass" "Live" %}`.

    `verdict` is pass, warn, fail, hold, wait or plain, or a state that `words.VERDICTS` knows, such as `packet.state`.
    """
    kind = _verdict(verdict)
    return format_html(
        '<span class="chip chip-{}"><span aria-hidden="true">{}</span> {}</span>', kind, words.GLYPHS[kind], said
    )


@register.simple_tag
def glyph(verdict: object, said: str = "") -> SafeString:
    """A verdict's glyph alone, with its words for screen readers (`said`, else the verdict's own)."""
    kind = _verdict(verdict)
    return format_html(
        '<span class="glyph glyph-{}"><span aria-hidden="true">{}</span><span class="visually-hidden">{}</span></span>',
        kind,
        words.GLYPHS[kind],
        said or words.SAID[kind],
    )


@register.filter
def ago(value: dt.datetime | dt.date | None) -> SafeString | str:
    """How long ago, with the exact time on hover. A date without a time is shown as it is; none as a dash."""
    if not value:
        return "–"
    if not isinstance(value, dt.datetime):
        return format_html('<time datetime="{}">{}</time>', value.isoformat(), words.day(value))
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        value.astimezone(dt.UTC).isoformat(timespec="seconds"),
        words.exact(value),
        words.ago(value, timezone.now()),
    )


@register.filter
def exact(value: dt.datetime | None) -> SafeString | str:
    """The exact time in UTC, for evidence and headings; none as a dash."""
    if not value:
        return "–"
    return format_html('<time datetime="{}">{}</time>', value.isoformat(), words.exact(value))


@register.filter
def iso_time(value: str | None) -> dt.datetime | None:
    """A moment out of a frozen document's ISO text, for `ago` and `exact`."""
    return dt.datetime.fromisoformat(value) if value else None


@register.filter
def money(value: int | Decimal | str | dict | None, currency: str | dict = "") -> str:
    """An amount with its currency. An int counts hundredths; a text is a document's decimal. What is unknown says so."""
    if value is None or isinstance(value, dict) or isinstance(currency, dict):
        return "unknown"
    return words.money(Decimal(value) if isinstance(value, str) else value, currency)


@register.filter
def percent(basis_points: int | dict | None) -> str:
    """Basis points as a percentage with one decimal: 9134 as "91.3%", cut, never rounded up."""
    if basis_points is None or isinstance(basis_points, dict):
        return "unknown"
    return f"{basis_points // 10 / 10:.1f}%"


@register.filter
def short(digest: str | None) -> SafeString | str:
    """A digest's first and last characters, whole on hover."""
    if not digest:
        return "–"
    return format_html('<code class="digest" title="{}">{}…{}</code>', digest, digest[:8], digest[-4:])


@register.filter
def initials(name: object) -> str:
    """The letters of a person's avatar."""
    return words.initials(str(name))


@register.filter
def get(mapping: dict[str, Any] | None, key: object) -> Any:
    """`mapping[key]`, also for keys that a template cannot write, such as "1"; None where there is none."""
    found: dict[Any, Any] = mapping or {}
    return found.get(key, found.get(str(key)))


def _choosing(control: SafeString, words_: str) -> SafeString:
    """Django's row of dashes for "nothing chosen", in words."""
    return mark_safe(control.replace(">---------<", f">{words_}<"))


@register.simple_tag
def field(bound: BoundField, optional: bool = False, label: str = "") -> str:
    """A form's field: label, hint, control, error. `optional=True` says so beside the label; `label` replaces it.

    A field that carries `needless` is marked optional, too: nobody asks for it here.
    """
    widget = bound.field.widget
    optional = optional or getattr(bound.field, "needless", False)
    if wanted := BROWSER_FORMATS.get(widget.attrs.get("type") or getattr(widget, "input_type", "")):
        widget.format = wanted
    error_id, hint_id = f"{bound.auto_id}_error", f"{bound.auto_id}_hint"
    described = [name for name, there in ((hint_id, bound.help_text), (error_id, bound.errors)) if there]
    grouped = isinstance(widget, (RadioSelect, CheckboxSelectMultiple))
    tick = isinstance(widget, CheckboxInput)
    attrs: dict[str, str | bool] = {
        "class": " ".join(filter(None, ["" if tick or grouped else "input", widget.attrs.get("class", "")]))
    }
    if described:
        attrs["aria-describedby"] = " ".join(described)
    if bound.errors:
        attrs["aria-invalid"] = "true"
    if bound.is_hidden:
        return bound.as_widget()
    return render_to_string(
        "web/field.html",
        {
            "field": bound,
            "control": _choosing(bound.as_widget(attrs=attrs), "None" if optional else "Choose"),
            "error_id": error_id,
            "hint_id": hint_id,
            "grouped": grouped,
            "tick": tick,
            "optional": optional,
            "label": label or bound.label,
        },
    )


@register.filter
def said(value: Any) -> SafeString | str:
    """A value of a frozen document in words: text with its line breaks, yes and no, a thing unknown with its reason."""
    if isinstance(value, dict) and "unknown" in value:
        return format_html('<span class="unknown"><span aria-hidden="true">○</span> {}</span>', value["unknown"])
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, str):
        return format_html('<span class="text">{}</span>', value)
    return str(value)


@register.filter
def prose(value: Any) -> SafeString | str:
    """A long text of a frozen document, its Markdown shown as such, without HTML or pictures; anything else as `said` has it."""
    if isinstance(value, str) and (html := markdown.rendered(value)):
        return format_html('<div class="prose">{}</div>', mark_safe(html))
    return said(value)


@register.filter
def excerpt(value: str, longest: int) -> str:
    """The beginning of a long text on one line, without its Markdown's marks."""
    return Truncator(markdown.on_one_line(value)).chars(longest)


@register.filter
def plain(value: Any) -> SafeString | str:
    """A code word of a document for people: "per_call" as "per call"; a thing unknown with its reason."""
    return value.replace("_", " ") if isinstance(value, str) else said(value)


@register.filter
def saved_value(bound: BoundField) -> str:
    """What is saved in a bound form's field, in words, beside what was typed into it."""
    value = bound.form.initial.get(bound.name)
    if value in (None, ""):
        return "empty"
    if hasattr(bound.field, "words"):
        return str(bound.field.words(value))
    choices = dict(bound.field.choices) if hasattr(bound.field, "choices") else {}
    return str(next((label for key, label in choices.items() if str(key) == str(value)), value))


@register.simple_tag
def errors(*forms: Any) -> str:
    """What stands in the way, above the form: each form's own sentences, and a link to every field with one."""
    problems = []
    for form in forms:
        if form is None or not form.errors:
            continue
        problems += [{"text": text, "anchor": ""} for text in form.non_field_errors()]
        for bound in form:
            problems += [{"text": text, "anchor": bound.auto_id, "label": bound.label} for text in bound.errors]
    return render_to_string("web/errors.html", {"problems": problems})


@register.simple_tag(takes_context=True)
def query(context: Context, **changes: object) -> str:
    """The page's query string with `changes`; a change to None or "" drops the key. The page number starts again."""
    given = context["request"].GET.copy()
    if "page" not in changes:
        given.pop("page", None)
    for key, value in changes.items():
        if value in (None, ""):
            given.pop(key, None)
        else:
            given[key] = str(value)
    return f"?{given.urlencode()}"


class RailNode(template.Node):
    """`{% rail %}{% block nav %}{% endblock %}{% endrail %}`: the main navigation, told the current entry by the page."""

    def __init__(self, nodelist: NodeList) -> None:
        self.nodelist = nodelist

    def render(self, context: Context) -> SafeString:
        """The rail's list. Without a word from the page, the entry is found by the URL's name."""
        shell = context.get("shell")
        if shell is None:
            return mark_safe("")
        told = self.nodelist.render(context).strip()
        groups = []
        for name, entries in shell.groups:
            shown = []
            for entry in entries:
                current = entry.id == told if told else entry.holds(shell.url_name)
                url = reverse(entry.url_name)
                shown.append({"label": entry.label, "url": url, "count": shell.count(entry.id), "current": current})
            groups.append((name, shown))
        return mark_safe(render_to_string("web/rail.html", {"groups": groups}))


@register.tag
def rail(parser: Parser, token: Token) -> RailNode:
    """The main navigation; what stands inside is the id of the current entry."""
    nodelist = parser.parse(("endrail",))
    parser.delete_first_token()
    return RailNode(nodelist)
