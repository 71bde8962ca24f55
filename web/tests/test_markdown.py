"""Markdown that people typed: what it becomes, and that nothing hostile comes through and no word is lost."""

import re
import time
from html import unescape
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from web.markdown import rendered
from web.templatetags.web import excerpt, prose

ALLOWED = {
    "p", "br", "em", "strong", "code", "pre", "ul", "ol", "li", "blockquote", "hr", "a", "h4", "h5", "h6", "div", "span",
}  # fmt: skip
HOSTILE = [
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "![p](https://evil.example/p.png)", "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))", "[x](data:text/html;base64,PHNjcmlwdD4=)", "[x](vbscript:x)", "[x](//evil.example)", "[x](/sign)",
    "<javascript:alert(1)>", "[x](&#106;avascript:alert(1))", "[x](java\nscript:alert(1))", "<a href='javascript:1'>x</a>",
    "[a]: javascript:alert(1)\n\n[a]", "[x](https://e.example \"t' onmouseover='1\")", "```\"><script>x</script>\ny\n```",
    "# h", "[x](https://e.example/\"onclick=1)", "<!-- hidden -->", "> " * 40 + "deep", "`<b>`", "**", "* * *", "[[", "\\<b>",
    "[x](  javascript:x)", "[x](\x01javascript:x)", "<https://e.example/<script>>", "7. seven\n9. nine", "&lt;script&gt;",
]  # fmt: skip


class Reader(HTMLParser):
    """Collects the tags with their attributes, and the text."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data


def check(source):
    html = str(prose(source))
    read = Reader(html)
    for tag, attrs in read.tags:
        assert tag in ALLOWED, html
        assert set(attrs) <= {"href", "rel", "title", "start", "value", "class"}, html
        if tag == "a":
            assert re.match(r"(https?|mailto):", attrs["href"], re.IGNORECASE), html
            assert attrs["rel"] == "nofollow noopener"
        if "class" in attrs:
            assert attrs["class"] in ("prose", "text")
    shown = read.text + " ".join(attrs.get("href", "") + attrs.get("value", "") for _, attrs in read.tags)
    for word in re.findall(r"[^\W_]+", source):
        assert word in shown, (word, html)


@pytest.mark.parametrize("source", HOSTILE)
def test_nothing_hostile_comes_through(source):
    check(source)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.sampled_from(HOSTILE) | st.text(max_size=12) | st.sampled_from(list("\n *_`#>[]()<!\\&:'\"-1.")), max_size=8
    )
)
def test_whatever_is_put_together_stays_harmless_and_loses_no_word(parts):
    check("".join(parts))


@pytest.mark.parametrize(
    ("source", "html"),
    [
        ("**bold** and *soft*", "<p><strong>bold</strong> and <em>soft</em></p>"),
        ("# One\n\n### Three", "<h4>One</h4>\n<h6>Three</h6>"),
        ("- a\n- b", "<ul>\n<li>a</li>\n<li>b</li>\n</ul>"),
        ("one\n- two", "<p>one</p>\n<ul>\n<li>two</li>\n</ul>"),
        ("*a*\nb", "<p><em>a</em><br />\nb</p>"),
        ("7. x\n9. y", '<ol start="7">\n<li value="7">x</li>\n<li value="9">y</li>\n</ol>'),
        ("[here](https://a.example)", '<p><a href="https://a.example" rel="nofollow noopener">here</a></p>'),
        ("<mailto:a@b.example>", '<p><a href="mailto:a@b.example" rel="nofollow noopener">mailto:a@b.example</a></p>'),
        ("![p](https://a.example/p.png)", '<p>!<a href="https://a.example/p.png" rel="nofollow noopener">p</a></p>'),
        ("a_b_c stays", "<p>a_b_c stays</p>"),
    ],
)
def test_what_it_becomes(source, html):
    assert rendered(source).strip() == html


def test_a_text_of_which_a_word_would_be_lost_is_shown_as_typed():
    source = "- " * 40 + "deep"
    assert rendered(source) == ""
    assert "deep" in str(prose(source))
    assert rendered("[x](https://a.example 'a clause nobody sees')") == ""


@pytest.mark.parametrize(
    "source",
    [
        "> 200 ms blocks the release",
        "the limit is 2*3*4 EUR",
        "call __init__ first",
        "[yes](https://x.example 'not') not",
    ],
)
def test_a_sign_that_may_be_meant_is_shown(source):
    assert source in unescape(str(prose(source)))


def test_plain_text_keeps_its_lines():
    assert str(prose("one\ntwo & three")) == '<span class="text">one\ntwo &amp; three</span>'


def test_what_is_unknown_is_said_as_ever():
    assert "not needed" in str(prose({"unknown": "not needed"})) and str(prose(None)) == "–"


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("Page the **on-call**:\n\n1. call\n2. [page](https://x.example) them", "Page the on-call: 1. call 2. page them"),
        ("It costs 2*3*4\n\nand **more**", "It costs 2*3*4 and **more**"),
        ("`a < b` & _c_", "a < b & c"),
        ("Plain\nwords", "Plain words"),
    ],
)  # fmt: skip
def test_an_excerpt_is_one_line_without_marks(source, line):
    assert excerpt(source, 160) == line
    assert len(excerpt(source * 50, 40)) == 40


def test_a_text_of_empty_lines_is_read_in_one_pass():
    started = time.perf_counter()
    assert rendered("a" + " \n" * 20_000 + "b") == "" and "<li>" in rendered("a\n \n\n  - b")
    assert time.perf_counter() - started < 0.5
