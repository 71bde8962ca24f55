"""A browser as far as the walk needs one: cookies, pages, forms. Nothing but the standard library."""

from __future__ import annotations

import html.parser
import http.cookiejar
import re
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass, field

# What an <input> of another type gives to the form without being typed, chosen or pressed.
NOT_SENT = {"submit", "button", "reset", "file", "image"}


@dataclass
class Form:
    """One form of a page: where it goes, what is in it, what can be chosen and pressed."""

    id: str = ""
    action: str = ""
    fields: dict[str, str] = field(default_factory=dict)
    choices: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    boxes: dict[str, list[str]] = field(default_factory=dict)
    buttons: list[tuple[str, str, str]] = field(default_factory=list)

    def put(self, name: str, value: str) -> None:
        """Types `value` into the field, or chooses it from its list by value or by the words shown."""
        if name in self.choices:
            value = self._chosen(name, value)
        self.fields[name] = value

    def press(self, words: str) -> dict[str, str]:
        """What pressing the button that reads `words` sends beside the fields."""
        for name, value, label in self.buttons:
            if words in label:
                return {name: value} if name else {}
        raise SystemExit(f"No button {words!r} among {[label for *_, label in self.buttons]}")

    def _chosen(self, name: str, wanted: str) -> str:
        for value, words in self.choices[name]:
            if wanted in (value, words):
                return value
        for value, words in self.choices[name]:
            if wanted in words:
                return value
        raise SystemExit(f"The list {name} does not offer {wanted!r}: {[words for _, words in self.choices[name]]}")


class _Reader(html.parser.HTMLParser):
    """Collects a page's forms, its words and its links."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.words: list[str] = []
        self.links: list[str] = []
        self._form: Form | None = None
        self._select = self._textarea = ""
        self._option: list[str] | None = None
        self._button: tuple[Form, str, str] | None = None
        self._label: list[str] = []
        self._hidden = 0
        self._elsewhere: list[tuple[str, str, str, str]] = []  # buttons that name their form
        self._lists: dict[str, list[tuple[str, str]]] = {}  # what lines are chosen from, by the list's id
        self._lines: list[tuple[Form, str, str]] = []  # lines that name such a list
        self._offered: list[tuple[str, str]] | None = None
        self.feed(page)
        for form, name, offered in self._lines:
            form.choices[name] = self._lists.get(offered, [])
        for owner, name, value, label in self._elsewhere:
            for form in self.forms:
                if form.id == owner:
                    form.buttons.append((name, value, label))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag in ("script", "style"):
            self._hidden += 1
        elif tag == "a" and "href" in given:
            self.links.append(given["href"])
        elif tag == "form":
            self._form = Form(given.get("id", ""), given.get("action", ""))
            self.forms.append(self._form)
        elif tag == "button":
            self._button = (Form(given["form"]) if "form" in given else self._form or Form(), *_pair(given))
            self._label = []
        elif self._form is not None:
            self._field(tag, given)

    def _field(self, tag: str, given: dict[str, str]) -> None:
        form, name = self._form, given.get("name", "")
        if form is None:
            return
        if tag == "input" and name and given.get("type") not in NOT_SENT:
            if given.get("type") in ("checkbox", "radio"):
                form.boxes.setdefault(name, []).append(given.get("value", "on"))
                if "checked" in given:
                    form.fields[name] = given.get("value", "on")
            else:
                form.fields[name] = given.get("value", "")
                if "list" in given:
                    self._lines.append((form, name, given["list"]))
        elif tag == "datalist":
            self._offered = self._lists.setdefault(given.get("id", ""), [])
        elif tag == "option" and self._offered is not None:
            self._offered.append((given.get("value", ""), ""))
            self._option = []
        elif tag == "textarea" and name:
            self._textarea, form.fields[name] = name, ""
        elif tag == "select" and name:
            self._select, form.choices[name] = name, []
        elif tag == "option" and self._select:
            value = given.get("value", "")
            if "selected" in given or not form.choices[self._select]:
                form.fields[self._select] = value
            form.choices[self._select].append((value, ""))
            self._option = []

    def handle_endtag(self, tag: str) -> None:
        if tag in ("script", "style"):
            self._hidden -= 1
        elif tag == "form":
            self._form = None
        elif tag == "textarea":
            self._textarea = ""
        elif tag == "select":
            self._select = ""
        elif tag == "datalist":
            self._offered = None
        elif tag == "option" and self._option is not None and self._form is not None:
            options = self._form.choices[self._select] if self._offered is None else self._offered
            value, _ = options.pop()
            options.append((value, _line(self._option)))
            self._option = None
        elif tag == "button" and self._button is not None:
            form, name, value = self._button
            if form in self.forms:
                form.buttons.append((name, value, _line(self._label)))
            else:
                self._elsewhere.append((form.id, name, value, _line(self._label)))
            self._button = None

    def handle_data(self, data: str) -> None:
        if self._textarea and self._form is not None:
            # A browser drops the line feed that follows the tag.
            self._form.fields[self._textarea] += data
        elif self._option is not None:
            self._option.append(data)
        elif not self._hidden:
            self.words.append(data)
            self._label.append(data)


def _pair(given: dict[str, str]) -> tuple[str, str]:
    return given.get("name", ""), given.get("value", "")


def _line(parts: list[str]) -> str:
    return re.sub(r"\s+", " ", "".join(parts)).strip()


class Page:
    """A page that was answered: its address, its forms, what it reads."""

    def __init__(self, url: str, source: str) -> None:
        read = _Reader(source)
        self.url, self.source = url, source
        self.forms, self.links = read.forms, read.links
        self.text = _line([f"{word} " for word in read.words])

    @property
    def path(self) -> str:
        """The address without host and query."""
        return urllib.parse.urlsplit(self.url).path

    def form(self, button: str) -> Form:
        """The form that has a button reading `button`."""
        for form in self.forms:
            if any(button in label for *_, label in form.buttons):
                return form
        raise SystemExit(f"{self.url} has no button {button!r}; it reads:\n{self.text[:1500]}")

    def must_say(self, words: str) -> Page:
        """This page; ends the walk where it does not read `words`."""
        if words not in self.text:
            raise SystemExit(f"{self.url} does not say {words!r}; it reads:\n{self.text[:3000]}")
        return self


class Person:
    """One person's browser: cookies, pages, forms."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))

    def get(self, path: str) -> Page:
        """The page at `path`; ends the walk with the address where it is not 200."""
        url, body = self._open(urllib.request.Request(urllib.parse.urljoin(self.base, path)))
        return Page(url, body.decode())

    def send(self, path: str, press: str, **values: str) -> Page:
        """Opens the page at `path`, fills in the form with the button `press` and presses it."""
        page = self.get(path)
        form = page.form(press)
        for name, value in values.items():
            if name not in form.fields and name not in form.boxes:
                raise SystemExit(f"{page.url} has no field {name}; there are {', '.join(form.fields)}")
            form.put(name, value)
        return Page(*self.submit(page, form, press)) if press else page

    def submit(self, page: Page, form: Form, press: str, boxes: tuple[str, ...] = ()) -> tuple[str, str]:
        """Sends `form`, with every box named in `boxes` ticked; gives the address and the page that it led to."""
        url, body = self._post(page, form, press, boxes)
        return url, body.decode()

    def download(self, path: str, press: str = "", action: str = "") -> bytes:
        """The bytes at `path`, or those that the button `press` of the page at `path` gives."""
        if not press:
            return self._open(urllib.request.Request(urllib.parse.urljoin(self.base, path)))[1]
        page = self.get(path)
        forms = [form for form in page.forms if form.action == action] if action else [page.form(press)]
        if not forms:
            raise SystemExit(f"{page.url} has no form that leads to {action}")
        return self._post(page, forms[0], press, ())[1]

    def _post(self, page: Page, form: Form, press: str, boxes: tuple[str, ...]) -> tuple[str, bytes]:
        sent = [*form.fields.items(), *form.press(press).items()]
        for name in boxes:
            sent += [(name, value) for value in form.boxes.get(name, [])]
        url = urllib.parse.urljoin(page.url, form.action or page.url)
        return self._open(urllib.request.Request(url, urllib.parse.urlencode(sent).encode(), {"Referer": page.url}))

    def _open(self, request: urllib.request.Request) -> tuple[str, bytes]:
        try:
            with self.opener.open(request, timeout=60) as answer:
                return answer.url, answer.read()
        except urllib.error.HTTPError as error:
            what = f"{request.get_method()} {request.full_url}"
            body = error.read().decode(errors="replace")
            raise SystemExit(f"{what} answered {error.code}:\n{Page(request.full_url, body).text[:3000]}") from None
