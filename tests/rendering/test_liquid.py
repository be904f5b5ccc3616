"""Templates access nothing but their variables and take little time and memory."""

from __future__ import annotations

import time
import tracemalloc

import pytest
from flask import Flask

from app.rendering import texts as rendering_texts
from app.rendering.liquid import FILTERS, MAX_VALUE, TemplateTextError, compile_template, truncate

VALUES = {"x": "Bob & co " * 1000, "y": "<b>Priya</b>", "z": ""}
ERROR = object()

# Sources and their results: an error, or exactly this text.
INJECTIONS: list[tuple[str, object]] = [
    ("{{ config }}", ERROR),
    ("{{ self }}", ERROR),
    ("{{ request.environ }}", ERROR),
    ("{{ y.__class__ }}", ERROR),
    ("{{ y.__class__.__mro__[1].__subclasses__() }}", ERROR),
    ("{{ y['__class__'] }}", ERROR),
    ("{{ y.__init__.__globals__ }}", ERROR),
    ("{{ y.upper() }}", ERROR),
    ("{{ y.size }}", ERROR),
    ("{{ y[0] }}", ERROR),
    ("{{ [y] }}", ERROR),
    ("{{ ['now'] }}", ERROR),
    ("{{ now }}", ERROR),
    ("{{ today | upcase }}", ERROR),
    ("{{ forloop.index }}", ERROR),
    ("{% if z %}{{ unknown }}{% endif %}", ERROR),
    ("{{ unknown | default: 'a' }}", ERROR),
    ("{% include 'secret' %}", ERROR),
    ("{% render 'secret' %}", ERROR),
    ("{% extends 'secret' %}", ERROR),
    ("{% import os %}", ERROR),
    ("{% liquid assign x = 1 %}", ERROR),
    ("{% assign x = 1 %}{{ x }}", ERROR),
    ("{% capture x %}{% endcapture %}", ERROR),
    ("{% increment x %}", ERROR),
    ("{% cycle 'a', 'b' %}", ERROR),
    ("{% tablerow i in y %}{% endtablerow %}", ERROR),
    ("{% case y %}{% when 'a' %}{% endcase %}", ERROR),
    ("{{ y | map: '__class__' }}", ERROR),
    ("{{ y | date: '%s' }}", ERROR),
    ("{{ y | url_decode }}", ERROR),
    ("{{ y | safe }}", ERROR),
    ("{{ 'a' if y else 'b' }}", ERROR),
    ("${7*7} #{7*7} <%= 7*7 %> {7*7} [[7*7]]", "${7*7} #{7*7} <%= 7*7 %> {7*7} [[7*7]]"),
    ("%(y)s {y} {0.__class__} $y", "%(y)s {y} {0.__class__} $y"),
    ("{% raw %}{{ x }}{% endraw %}", "{{ x }}"),
    ("{{ '{{ x }}' }}", ERROR),
]
EXHAUSTIONS: list[str] = [
    "{{ (1..9999999) | join }}",
    "{{ (1..9999999) }}",
    "{% if (1..99999999) contains 5 %}x{% endif %}",
    "{{ y | default: (1..999999999) }}",
    "{% for i in (1..9999999) %}{% endfor %}",
    "{% for i in x %}{% for j in x %}{{ x }}{% endfor %}{% endfor %}",
    "{% case 1 %}{% when 1,1,1,1,1,1,1,1 %}" * 15 + "{% endcase %}" * 15,
    "{{ x" + " | escape" * 3000 + " }}",
    "{{ x" + " | upcase" * 6 + " }}",
    "{{ x }}" * 7000,
    "{{ x }}" * 1000,
    "{% if x %}" * 3000,
    "{% if x %}" * 19 + "{{ x }}" * 40 + "{% endif %}" * 19,
    "{% if " + "x and " * 5000 + "x %}a{% endif %}",
    "{% if " + "(" * 5000 + "x" + ")" * 5000 + " %}a{% endif %}",
    "{% if x %}" + "{% elsif x %}" * 3000 + "{% endif %}",
    "{{ x" + "[x" * 5000 + "]" * 5000 + " }}",
    "{{ x" + ".a" * 20000 + " }}",
    "{{" + "(" * 40000 + "x }}",
    "{{ " * 16000,
    "{%" * 25000,
    "{% comment %}" * 3000,
    "{% raw %}" * 5000,
    "{{ " + "9" * 49000 + " }}",
    "{{ x | truncate: " + "9" * 49000 + " }}",
    "{{ x | truncate: -1, x }}" * 500,
    "{{ '" + "a" * 60000 + "' }}",
    "a" * 1_000_000,
]


def outcome(source: str, *, is_html: bool) -> object:
    try:
        return rendering_texts.render(source, VALUES, is_html=is_html)
    except TemplateTextError as error:
        # An empty or an endless text proves nothing.
        return ERROR if 0 < len(str(error)) < 400 else error


@pytest.mark.parametrize(("source", "expected"), INJECTIONS)
def test_a_template_accesses_nothing_but_its_variables(app: Flask, source: str, expected: object) -> None:
    assert outcome(source, is_html=False) == expected
    assert outcome(source, is_html=True) == expected


@pytest.mark.parametrize("source", EXHAUSTIONS, ids=lambda source: f"{source[:30]} ({len(source)})")
@pytest.mark.parametrize("is_html", [False, True], ids=["text", "html"])
def test_no_source_takes_two_seconds_or_fifty_megabytes(app: Flask, source: str, is_html: bool) -> None:
    compile_template.cache_clear()
    # This thread's own time, without the tracing, which makes everything several times slower.
    started = time.thread_time()
    outcome(source, is_html=is_html)
    assert time.thread_time() - started < 2
    compile_template.cache_clear()
    tracemalloc.start()
    try:
        outcome(source, is_html=is_html)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 50_000_000


def test_values_are_text_and_never_templates(app: Flask) -> None:
    values = {"x": "{{ y }}{% if", "y": "secret", "self": "me", "source": "s"}
    assert rendering_texts.render("{{ x }} {{ self }} {{ source }}", values) == "{{ y }}{% if me s"
    assert (
        rendering_texts.render("<p>{{ x }}</p>", {"x": "<script>'\""}, is_html=True)
        == "<p>&lt;script&gt;&#39;&#34;</p>"
    )


def test_every_allowed_filter_works(app: Flask) -> None:
    for name in FILTERS:
        argument = ": 3" if name.startswith("truncate") else ": 'a'" if name == "default" else ""
        assert rendering_texts.render(f"{{{{ x | {name}{argument} }}}}", {"x": " bob "})


def test_conditions_and_defaults_work(app: Flask) -> None:
    source = "{% if place != '' %}at {{ place }}{% else %}somewhere{% endif %}, {{ who | default: 'nobody' }}"
    assert rendering_texts.render(source, {"place": "Birch", "who": ""}) == "at Birch, nobody"
    assert rendering_texts.render(source, {"place": "", "who": "Priya"}) == "somewhere, Priya"


@pytest.mark.parametrize("is_html", [False, True])
@pytest.mark.parametrize(
    ("source", "is_plain"),
    [
        ("no names", True),
        ("{{y}}", True),
        ("a {{- y -}} b {{ z }}{{y}}\n{{ x }}", True),
        ("{% raw %}{{ y }}{% endraw %}", True),
        ("{{ y | upcase }}", False),
        ("{{ 'y' }}{{ true }}", False),
        ("{% if y %}{{ y }}{% endif %}", False),
        ("{% comment %}y{% endcomment %}", False),
    ],
)
def test_the_fast_path_renders_like_liquid(app: Flask, source: str, is_plain: bool, is_html: bool) -> None:
    text = compile_template(source, is_html=is_html)
    assert (text.pieces is not None) is is_plain
    assert text.render(VALUES) == text.template.render(VALUES | {"x": truncate(VALUES["x"])})


def test_errors_name_the_problem_and_the_line(app: Flask) -> None:
    with pytest.raises(TemplateTextError, match=r"Fix line 2: “.*” is not valid here"):
        rendering_texts.render("Hello\n{{ x", VALUES)
    with pytest.raises(TemplateTextError, match="“cadidate_name”"):
        rendering_texts.render("{{ cadidate_name }}", VALUES)


def test_a_template_is_compiled_once(app: Flask) -> None:
    compile_template.cache_clear()
    for _ in range(3):
        rendering_texts.render("{{ y }} once", VALUES)
    assert compile_template.cache_info().misses == 1


def test_built_in_texts_never_fail(app: Flask) -> None:
    huge = dict.fromkeys(("filename", "extracted_data", "candidate_name"), "\N{GRINNING FACE}" * 1_000_000)
    texts = rendering_texts.built_in("resume_processed", huge)
    assert len(texts.title) == 255
    assert len(texts.message) < 3 * MAX_VALUE
    assert "\N{EM DASH}" in rendering_texts.built_in("resume_processed", {}).title


@pytest.mark.parametrize(
    ("source", "advice"),
    [
        ("{{#candidate}} x", "Fix line 1: “{{#” is not valid here."),
        ("Hi\n{{ name | }}", "Fix line 2: “{{ name | }}” is not valid here."),
        ("{{ ok }}\n\nx {{ }} y", "Fix line 3: “{{ }}” is not valid here."),
        ("{{ a b }}", "Fix line 1: “{{ a b }}” is not valid here."),
        ("{{ a", "Fix line 1: “{{ a” is not valid here."),
        ("{% if a = b %}x{% endif %}", "Fix line 1: “{% if a = b %}” is not valid here."),
        (
            "{% for x in y %}",
            "Fix line 1: “{% for x in y %}” is not valid here. Use if, elsif, else, unless and comment.",
        ),
        ("{% if a %}x", "Add “{% endif %}”: a condition is not closed."),
    ],
)
def test_an_error_says_what_to_change(app: Flask, source: str, advice: str) -> None:
    with pytest.raises(TemplateTextError) as raised:
        compile_template(source)
    assert str(raised.value) == advice
