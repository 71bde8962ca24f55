"""Markdown that people typed, as safe HTML: no HTML of theirs, no pictures, links to the web and to mail only.

What is signed is the text as typed; so nothing of it may vanish where it is shown. Syntax that hides words is off
(HTML, reference definitions, entities, and quotations, whose mark is also "greater than"), and a text of which a word or
a sign that may be meant would be lost is shown as it was typed.
"""

import re
from collections.abc import Sequence
from html import unescape
from typing import Any

from django.utils.html import escape
from markdown_it import MarkdownIt
from markdown_it.token import Token

OFF = ("image", "reference", "entity", "html_block", "html_inline", "code", "blockquote")
MARKED = re.compile(r"[*_`#>\[<\\~]|^[^\S\n]*([-+=]|\d+[.)])", re.MULTILINE)
MEANT = re.compile(r"\w\*+\w|(?<!\w)__\w+__(?!\w)")
"""Marks that may be no emphasis: a product (2*3*4), a name (__init__)."""
ALLOWED = re.compile(r"(https?|mailto):", re.IGNORECASE)
WORD = re.compile(r"[^\W_]+")
NUMBERED = re.compile(r'<li value="(\d+)">')
TAG, ADDRESS = re.compile(r"<[^>]*>"), re.compile(r' (?:href|value)="([^"]*)"')
DEMOTED = 3
"""By how many levels a heading is lowered: the page's own are one to three."""


def rendered(text: str) -> str:
    """`text` as HTML, or "" where it holds no Markdown or cannot be shown as such without losing a word."""
    if not MARKED.search(text) or MEANT.search(text):
        return ""
    tokens = _markdown.parse(text)
    if any(child.attrGet("title") for token in tokens for child in token.children or ()):
        return ""  # a link's title is seen by who points at it alone
    html = _markdown.renderer.render(tokens, _markdown.options, {})
    shown = unescape(" ".join([TAG.sub("", html), *ADDRESS.findall(html)]))
    return html if all(word in shown for word in WORD.findall(text)) else ""


def on_one_line(text: str) -> str:
    """`text` for a list's line: without marks and line breaks; where it is not shown as Markdown, as it was typed."""
    html = rendered(text)
    return " ".join((unescape(TAG.sub("", NUMBERED.sub(r"\1. ", html))) if html else text).split())


def _link_open(self: Any, tokens: Sequence[Token], at: int, options: Any, env: Any) -> str:
    tokens[at].attrSet("rel", "nofollow noopener")
    return str(self.renderToken(tokens, at, options, env))


def _heading(self: Any, tokens: Sequence[Token], at: int, options: Any, env: Any) -> str:
    token = tokens[at]
    if not token.meta.get("demoted"):
        token.tag, token.meta["demoted"] = f"h{min(int(token.tag[1:]) + DEMOTED, 6)}", True
    return str(self.renderToken(tokens, at, options, env))


def _item(self: Any, tokens: Sequence[Token], at: int, options: Any, env: Any) -> str:
    # Lists count on from their first number; what was signed has the numbers that were typed.
    if tokens[at].info:
        tokens[at].attrSet("value", tokens[at].info)
    return str(self.renderToken(tokens, at, options, env))


def _fence(self: Any, tokens: Sequence[Token], at: int, options: Any, env: Any) -> str:
    # The word after the fence is part of what was signed; other renderers hide it in a class.
    info = f"{tokens[at].info.strip()}\n" if tokens[at].info.strip() else ""
    return f"<pre><code>{escape(info + tokens[at].content)}</code></pre>\n"


def _made() -> MarkdownIt:
    made = MarkdownIt("commonmark", {"html": False, "breaks": True}).disable(list(OFF))
    made.validateLink = lambda url: bool(ALLOWED.match(url.strip()))  # type: ignore[method-assign]
    rules = {
        "link_open": _link_open,
        "heading_open": _heading,
        "heading_close": _heading,
        "list_item_open": _item,
        "fence": _fence,
    }
    for name, rule in rules.items():
        made.add_render_rule(name, rule)
    return made


_markdown = _made()
