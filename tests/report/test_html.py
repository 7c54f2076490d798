import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from nodewise.report.html import report_html
from nodewise.report.levels import LEVELS

VOID = {"meta", "input", "br", "img", "link"}


class Page(HTMLParser):
    """Collects tags, checks that they are closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] != ["style"]:
            self.text += " " + data


def page_of(assessment) -> Page:
    page = Page()
    page.feed(report_html(assessment))
    assert page.open == []
    page.text = re.sub(r"\s+", " ", page.text)
    return page


@pytest.fixture(scope="module")
def page(sided) -> Page:
    return page_of(sided)


def test_nothing_is_fetched_and_nothing_runs(sided):
    html = report_html(sided)
    assert not re.search(r"""(?:src|href|url|@import)\s*[=(]?\s*["']?\s*(?:https?:)?//""", html)
    assert "http" not in re.sub(r"base64,[A-Za-z0-9+/=]+", "", html)
    links = re.findall(r'(?:href|src)="([^"]*)"', html)
    assert links
    assert all(link.startswith(("#", "data:image/jpeg;base64,")) for link in links)
    assert "<script" not in html


def test_hostile_text_is_shown_not_obeyed(page):
    assert "<script>alert('x')</script>\"' onload=evil()" in page.text
    assert not any(tag == "script" or "onload" in attributes for tag, attributes in page.tags)


def test_every_link_leads_somewhere(page):
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    wanted = {attributes["href"][1:] for _, attributes in page.tags if (attributes.get("href") or "").startswith("#")}
    labels = {a.get("aria-labelledby") for _, a in page.tags} - {None}
    assert wanted | labels <= set(ids)
    assert {"node-1", "node-2", "node-3", "node-7"} <= wanted


def test_it_opens_with_what_it_is_not_for_and_what_it_was_trained_on(page):
    assert page.text.index("Research use only. Not for diagnosis.") < page.text.index("TNM of lung cancer")
    assert page.text.index("Trained on phantoms only.") < page.text.index("TNM of lung cancer")


def test_the_category_comes_with_its_rule_and_its_nodes(page):
    for words in (
        "9th edition",
        "Primary tumour on the right",
        "N2b",
        "Metastasis in several ipsilateral mediastinal stations.",
        "node 1 (station 4R, 12 mm), node 3 (station 7, 18 mm)",
        "Approximation: nodes taken as independent",
        "from a probability of 50 %",
        "N2b 45 %",
        "N0 < 1 %",
    ):
        assert words in page.text
    assert "at least" not in page.text


def test_an_unknown_side_gives_both_answers(both_sides):
    text = page_of(both_sides).text
    left = text.index("If the primary tumour is on the left")
    right = text.index("If the primary tumour is on the right")
    assert left < text.index("N3", left) < right
    assert right < text.index("at least N2b", right)
    assert "May be higher: the neck is not in the scan" in text


def test_nodes_are_sorted_by_malignancy_and_have_three_pictures_each(page, sided):
    articles = [a["id"] for tag, a in page.tags if tag == "article"]
    assert articles == ["node-3", "node-1", "node-2", "node-7"]
    pictures = [a for tag, a in page.tags if tag == "svg"]
    assert len(pictures) == 1 + LEVELS + 3 * len(sided.findings)
    assert all(a["role"] == "img" and a["aria-label"] for a in pictures)
    assert all(a["scope"] in ("col", "row") for tag, a in page.tags if tag == "th")


def test_measures_facts_and_provenance_are_there(page):
    for words in ("18.0 × 24.0 mm", "Largest SUVbw 4.5", "a first warning", "series 1: a localiser", "kVp 120"):
        assert words in page.text
    for words in ("ab" * 32, "nodewise predict INPUT", "reading 1.2", "812 MB", "aortic arch not found"):
        assert words in page.text
    assert "second 10R" in page.text
    assert "Station unknown" in page.text


def test_without_nodes_the_page_says_so(empty):
    text = page_of(empty).text
    assert "0 nodes" in text
    assert "No lymph node was found" in text


def test_many_nodes_are_listed_and_the_most_suspicious_pictured(sided, monkeypatch):
    monkeypatch.setattr("nodewise.report.html.MOST_PICTURED", 2)
    page = page_of(sided)
    assert sum(tag == "svg" for tag, _ in page.tags) == 1 + LEVELS + 2 * 3
    assert page.text.count("No pictures:") == 2


def test_where_no_probability_can_be_given_the_page_says_why(sided):
    blind = replace(sided, stage=replace(sided.stage, probability={}))
    assert "No probability of each category: a node's station is unknown." in page_of(blind).text
    assert "No probability of each category" not in page_of(sided).text
