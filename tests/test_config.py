"""Settings come from the environment, are checked at the start, and are refused with the remedy."""

from __future__ import annotations

import stat
from email.utils import parseaddr
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import Any

import pytest

import config

KEY = "0123456789abcdef0123456789abcdef"
README = Path(__file__).resolve().parent.parent / "README.md"


def loaded(**env: str) -> dict[str, Any]:
    return config.load({"SECRET_KEY": KEY, **env})


def problems(**env: str) -> dict[str, config.Problem]:
    found = config.load({"SECRET_KEY": KEY, **env}, tolerant=True)["SETTING_PROBLEMS"]
    return {problem.name: problem for problem in found}


def test_the_readme_lists_exactly_the_settings_of_the_table() -> None:
    assert config.table() in README.read_text(), "Copy the output of config.table() into README.md."


@pytest.mark.parametrize(
    ("env", "address"),
    [
        ({}, "http://127.0.0.1:5000"),
        ({"PORT": "8080"}, "http://127.0.0.1:8080"),
        ({"HOST": "0.0.0.0"}, "http://127.0.0.1:5000"),
        ({"HOST": "::1"}, "http://[::1]:5000"),
        ({"HOST": "[::1]"}, "http://[::1]:5000"),
        ({"BASE_URL": "https://bellhop.example.com/"}, "https://bellhop.example.com"),
        ({"BASE_URL": "https://example.com/bellhop/"}, "https://example.com/bellhop"),
        ({"BASE_URL": "https://bücher.example"}, "https://xn--bcher-kva.example"),
        ({"BASE_URL": "HTTPS://Bellhop.Example:443/"}, "https://bellhop.example"),
        ({"BASE_URL": "http://bellhop.example:80"}, "http://bellhop.example"),
        ({"SCRIPT_NAME": "/bellhop"}, "http://127.0.0.1:5000/bellhop"),
    ],
)
def test_links_use_a_url_that_a_browser_can_open(env: dict[str, str], address: str) -> None:
    assert loaded(**env)["BASE_URL"] == address


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HOST", "http://127.0.0.1"),
        ("REQUIRE_SECOND_FACTOR", "yes"),
        ("HOST", "127.0.0.1:5000"),
        ("HOST", "*"),
        ("PORT", "http"),
        ("PORT", "70000"),
        ("PORT", "-1"),
        ("BASE_URL", "bellhop"),
        ("BASE_URL", "bellhop.example.com"),
        ("BASE_URL", "ftp://bellhop.example.com"),
        ("BASE_URL", "https://bellhop.example.com?x=1"),
        ("BASE_URL", "https://bellhop.example.com#"),
        ("BASE_URL", "https://bellhop.example.com:99999"),
        ("BASE_URL", "https://user:secret@bellhop.example.com"),
        ("BASE_URL", "https://https://bellhop.example.com"),
        ("BASE_URL", "https://bell hop.example.com"),
        ("BASE_URL", "http://0.0.0.0:5000"),
        ("DATABASE_URL", "mysql://localhost/x"),
        ("DATABASE_URL", "not a url"),
        ("DATABASE_URL", "sqlite://"),
        ("DATABASE_URL", "sqlite:///:memory:"),
        ("DATABASE_URL", "sqlite://bellhop.db"),
        ("DATABASE_URL", "postgresql://me@host:port/x"),
        ("DATABASE_URL", "postgresql://me@host"),
        ("DATABASE_URL", "postgresql://me:p@ss@word@host/x"),
        ("EMAIL_HOST", "smtp://smtp.example.com"),
        ("EMAIL_HOST", "smtp.example.com:587"),
        ("EMAIL_PORT", "smtp"),
        ("EMAIL_PORT", "0"),
        ("EMAIL_PORT", "70000"),
        ("EMAIL_USE_TLS", "maybe"),
        ("EMAIL_USE_TLS", "starttls"),
        ("DEFAULT_FROM_EMAIL", "Bellhop"),
        ("DEFAULT_FROM_EMAIL", "Bellhop <bellhop>"),
        ("DEFAULT_FROM_EMAIL", "Bellhop <bellhop@>"),
        ("DEFAULT_FROM_EMAIL", "Bellhop <@example.com>"),
        ("DEFAULT_FROM_EMAIL", "Bellhop <bell hop@example.com>"),
        ("DEFAULT_FROM_EMAIL", "Bellhop bellhop@example.com"),
        ("DEFAULT_FROM_EMAIL", "a@example.com, b@example.com"),
        ("DEFAULT_FROM_EMAIL", "Bellhop <a@example.com> <b@example.com>"),
        ("DEFAULT_FROM_EMAIL", "Bellhop <bellhop@example..com>"),
        ("DEFAULT_FROM_EMAIL", "Bellhop\nBcc: x@example.com <bellhop@example.com>"),
        ("TWILIO_FROM", "our own number!"),
        ("TWILIO_BASE_URL", "api.twilio.com"),
        ("SLACK_BASE_URL", "slack.com"),
        ("SOURCES_BASE_URL", "ashbyhq.com"),
        ("VAPID_PRIVATE_KEY", "secret"),
        ("VAPID_SUBJECT", "admin@example.com"),
        ("VAPID_SUBJECT", "http://example.com"),
        ("VAPID_SUBJECT", "mailto:admin"),
        ("STATIC_URL", "cdn.example.com"),
        ("STATIC_URL", "https://cdn.example.com/?v=1"),
        ("API_RATE_LIMIT", "600"),
        ("API_RATE_LIMIT", "0 per minute"),
        ("API_RATE_LIMIT", "many per minute"),
        ("KEEP_NOTIFICATIONS_DAYS", "6"),
        ("KEEP_AUDIT_DAYS", "1.5"),
        ("KEEP_SOURCE_CALLS_DAYS", "forever"),
        ("SENTRY_DSN", "https://sentry.example.com/1"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318"),
        ("REDIS_URL", "localhost:6379"),
        ("REDIS_URL", "redis://"),
        ("REDIS_URL", "redis://localhost:port"),
        ("REDIS_URL", "redis://localhost/first"),
        ("CELERY_BROKER_URL", "localhost:6379"),
        ("CELERY_BROKER_URL", "amqp://"),
        ("CELERY_BROKER_URL", "amqp://host:port"),
        ("CELERY_BROKER_URL", "redis://localhost/0"),  # The database is SQLite.
        ("BELLHOP_WORKERS", "0"),
        ("BELLHOP_WORKERS", "two"),
        ("BELLHOP_DEMO", "2"),
        ("FLASK_DEBUG", "verbose"),
    ],
)
def test_a_wrong_setting_stops_the_start_and_doctor_says_what_to_write(name: str, value: str) -> None:
    with pytest.raises(config.ConfigError, match=name) as refused:
        loaded(**{name: value})
    assert str(problems(**{name: value})[name]) in str(refused.value)
    assert problems(**{name: value})[name].advice


@pytest.mark.parametrize(
    ("env", "name"),
    [
        ({"SECRET_KEY": "x", "BASE_URL": "https://bellhop.example.com"}, "SECRET_KEY"),
        ({"SECRET_KEY": "x", "HOST": "0.0.0.0"}, "SECRET_KEY"),
        ({"SECRET_KEY": "a" * 64, "BASE_URL": "https://bellhop.example.com"}, "SECRET_KEY"),
        ({"FLASK_DEBUG": "1", "BASE_URL": "https://bellhop.example.com"}, "FLASK_DEBUG"),
        ({"FLASK_DEBUG": "1", "HOST": "0.0.0.0"}, "FLASK_DEBUG"),
        ({"EMAIL_HOST": "mail", "EMAIL_HOST_USER": "me"}, "EMAIL_HOST_PASSWORD"),
        ({"EMAIL_HOST": "mail", "EMAIL_HOST_PASSWORD": "secret"}, "EMAIL_HOST_USER"),
        ({"EMAIL_HOST": "mail", "EMAIL_USE_SSL": "1", "EMAIL_USE_TLS": "1"}, "EMAIL_USE_SSL"),
        ({"TWILIO_ACCOUNT_SID": "AC1"}, "TWILIO_AUTH_TOKEN"),
        ({"TWILIO_ACCOUNT_SID": "AC1", "TWILIO_AUTH_TOKEN": "secret"}, "TWILIO_FROM"),
        ({"TWILIO_FROM": "+15005550006"}, "TWILIO_ACCOUNT_SID"),
        ({"BASE_URL": "https://a.example", "STATIC_URL": "http://cdn.example"}, "STATIC_URL"),
    ],
)
def test_settings_that_contradict_each_other_stop_the_start(env: dict[str, str], name: str) -> None:
    with pytest.raises(config.ConfigError, match=name):
        loaded(**env)
    assert problems(**env)[name].is_error


@pytest.mark.parametrize(
    ("env", "name"),
    [
        ({"SECRET_KEY": "x"}, "SECRET_KEY"),
        ({"SECRET_KEY": "0123456789abcdef"}, "SECRET_KEY"),
        ({"BASE_URL": "http://bellhop.example.com"}, "BASE_URL"),
        ({"BELLHOP_WORKERS": "2"}, "BELLHOP_WORKERS"),
        ({"EMAIL_PORT": "25"}, "EMAIL_PORT"),
        (
            {
                "EMAIL_HOST": "smtp.example.com",
                "EMAIL_USE_TLS": "0",
                "EMAIL_HOST_USER": "me",
                "EMAIL_HOST_PASSWORD": "x",
                "DEFAULT_FROM_EMAIL": "a@example.com",
            },
            "EMAIL_USE_TLS",
        ),
        ({"EMAIL_HOST": "smtp.example.com"}, "DEFAULT_FROM_EMAIL"),
        ({"REDIS_URL": "redis://redis.example/0"}, "REDIS_URL"),
        ({"TWILIO_BASE_URL": "http://sms.example"}, "TWILIO_BASE_URL"),
        ({"DATABASE_URL": "postgresql://me@db.example/bellhop?sslmode=prefer"}, "DATABASE_URL"),
        (
            {"DATABASE_URL": "postgresql:///bellhop", "CELERY_BROKER_URL": "amqp://mq.example"},
            "CELERY_BROKER_URL",
        ),
        ({"OIDC_ISSUER": "https://login.example.com"}, "OIDC_ISSUER"),
        ({"BASE_URL": "https://bellhop.example.com"}, "TRUSTED_PROXIES"),
        ({"SLACK_SIGNING_SECRET": "s"}, "SLACK_SIGNING_SECRET"),
        ({"SLACK_BASE_URL": "http://slack.example"}, "SLACK_BASE_URL"),
        ({"SOURCES_BASE_URL": "http://api.example"}, "SOURCES_BASE_URL"),
        ({"BOUNCE_ADDRESS": "bounce@example.com"}, "BOUNCE_ADDRESS"),
        ({"BELLHOP_COLOUR": "red"}, "BELLHOP_COLOUR"),
    ],
)
def test_a_doubtful_setting_is_a_warning_and_does_not_stop_the_start(env: dict[str, str], name: str) -> None:
    loaded(**env)
    assert not problems(**env)[name].is_error


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("REDIS_URL", "rediss://redis.example/0"),
        ("REDIS_URL", "redis://localhost/0"),
        ("TWILIO_BASE_URL", "http://127.0.0.1:9000"),
        ("SLACK_BASE_URL", "http://127.0.0.1:9001"),
        ("SOURCES_BASE_URL", "http://127.0.0.1:9002"),
        ("DATABASE_URL", "postgresql://me@db.example/bellhop?sslmode=verify-full"),
        ("DATABASE_URL", "postgresql://me@127.0.0.1/bellhop"),
        ("DATABASE_URL", "postgresql:///bellhop?host=/run/postgresql"),
    ],
)
def test_services_on_this_machine_or_behind_tls_are_no_problem(name: str, value: str) -> None:
    assert name not in problems(**{name: value})


def test_redis_is_the_broker_with_postgresql_only() -> None:
    redis, mq = "redis://localhost/0", "amqp://localhost"
    postgres = {"DATABASE_URL": "postgresql:///bellhop"}
    assert loaded(REDIS_URL=redis)["CELERY_BROKER_URL"] == ""
    assert loaded(**postgres)["CELERY_BROKER_URL"] == ""
    assert loaded(**postgres, REDIS_URL=redis)["CELERY_BROKER_URL"] == redis
    assert loaded(**postgres, REDIS_URL=redis, CELERY_BROKER_URL=mq)["CELERY_BROKER_URL"] == mq


def test_a_broker_beside_sqlite_is_refused_with_the_reason() -> None:
    with pytest.raises(config.ConfigError, match="the database is SQLite: workers on other machines"):
        loaded(CELERY_BROKER_URL="redis://localhost/0")


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("EMAIL_HOSTS", "EMAIL_HOST"),
        ("EMAIL_HOST_PASSWD", "EMAIL_HOST_PASSWORD"),
        ("BELLHOP_WORKER", "BELLHOP_WORKERS"),
        ("email_host", "EMAIL_HOST"),
        ("\ufeffBASE_URL", "BASE_URL"),
        ("DATABASE_URI", "DATABASE_URL"),
        ("SECRETKEY", "SECRET_KEY"),
    ],
)
def test_a_misspelt_setting_is_named_with_a_suggestion(name: str, meant: str) -> None:
    problem = problems(**{name: "x"})[name]
    assert str(problem) == f"{name} is not a setting: did you mean {meant}?"
    assert problem.is_error


def test_every_wrong_setting_is_named_at_once() -> None:
    with pytest.raises(config.ConfigError) as refused:
        loaded(PORT="x", EMAIL_PORT="y", DEFAULT_FROM_EMAIL="z")
    assert [line.split()[0] for line in str(refused.value).splitlines()] == [
        "PORT",
        "EMAIL_PORT",
        "DEFAULT_FROM_EMAIL",
    ]


@pytest.mark.parametrize("name", [name for name, row in config.SETTINGS.items() if row.is_secret])
def test_a_refused_secret_is_not_repeated(name: str) -> None:
    env = {name: "hunter2!", "HOST": "0.0.0.0"}
    with pytest.raises(config.ConfigError) as refused:
        loaded(**env)
    assert "hunter2" not in str(refused.value)
    assert "hunter2" not in str(problems(**env))


@pytest.mark.parametrize(
    ("written", "sender"),
    [
        ("Alder Robotics, Inc. <bellhop@example.com>", '"Alder Robotics, Inc." <bellhop@example.com>'),
        ('"Alder Robotics, Inc." <bellhop@example.com>', '"Alder Robotics, Inc." <bellhop@example.com>'),
        ("Alder (Robotics) <bellhop@example.com>", '"Alder (Robotics)" <bellhop@example.com>'),
        ("bellhop@example.com (Alder Robotics)", "Alder Robotics <bellhop@example.com>"),
        ("Bellhop <bellhop@example.com>", "Bellhop <bellhop@example.com>"),
        ("Bellhop<bellhop@example.com>", "Bellhop <bellhop@example.com>"),
        ("<bellhop@example.com>", "bellhop@example.com"),
        ("bellhop@example.com", "bellhop@example.com"),
        ("Büro <bellhop@bücher.example>", "Büro <bellhop@xn--bcher-kva.example>"),
        ("=?utf-8?q?B=C3=BCro?= <a@example.com>", "Büro <a@example.com>"),
        ("Jobs @ Alder <a@example.com>", '"Jobs @ Alder" <a@example.com>'),
        ('Alder "AR" Robotics <a@example.com>', '"Alder \\"AR\\" Robotics" <a@example.com>'),
    ],
)
def test_a_sender_is_parsed_in_its_usual_spellings(written: str, sender: str) -> None:
    assert loaded(DEFAULT_FROM_EMAIL=written)["MAIL_DEFAULT_SENDER"] == sender
    assert parseaddr(sender)[1].count("@") == 1
    assert config.parse_sender(sender) == sender


@pytest.mark.parametrize("left", ["\ufeff", " ", "\t", '"', "'", "\u201c"])
def test_whitespace_and_quotes_around_a_value_are_removed(left: str) -> None:
    right = {"\u201c": "\u201d", "\ufeff": "\r\n"}.get(left, left)
    assert loaded(EMAIL_HOST=f"{left}smtp.example.com{right}")["MAIL_SERVER"] == "smtp.example.com"


def test_an_empty_value_means_that_the_setting_is_not_set() -> None:
    defaults = loaded()
    assert loaded(**dict.fromkeys(config.SETTINGS.keys() - {"SECRET_KEY"}, "")) == defaults


def test_env_file_may_start_with_a_byte_order_mark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config, "ROOT", tmp_path)
    (tmp_path / ".env").write_bytes(b"\xef\xbb\xbfTWILIO_FROM='+15005550006'\r\n")
    assert config.environment()["TWILIO_FROM"] == "+15005550006"


@pytest.mark.parametrize(
    "content", ["PORT=5000".encode("utf-16"), "PORT=5000".encode("utf-16-le"), bytes(range(256)), None]
)
def test_env_file_that_cannot_be_read_is_refused_with_a_sentence(
    content: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(config, "ROOT", tmp_path)
    (tmp_path / ".env").mkdir() if content is None else (tmp_path / ".env").write_bytes(content)
    with pytest.raises(config.ConfigError, match=r"\.env"):
        config.load()
    monkeypatch.setenv("SECRET_KEY", KEY)
    assert [problem.name for problem in config.load(tolerant=True)["SETTING_PROBLEMS"]] == [".env"]


def test_port_465_means_tls_from_the_first_byte() -> None:
    assert loaded(EMAIL_PORT="465")["MAIL_USE_SSL"]
    assert not loaded(EMAIL_PORT="587")["MAIL_USE_SSL"]
    assert not loaded(EMAIL_PORT="465", EMAIL_USE_SSL="false")["MAIL_USE_SSL"]


def test_demo_data_is_on_only_where_no_one_else_can_reach_the_server() -> None:
    assert loaded()["BELLHOP_DEMO"]
    assert loaded(HOST="localhost", BASE_URL="http://localhost:5000")["BELLHOP_DEMO"]
    assert not loaded(HOST="0.0.0.0")["BELLHOP_DEMO"]
    assert not loaded(BASE_URL="https://bellhop.example.com")["BELLHOP_DEMO"]
    assert loaded(BASE_URL="https://bellhop.example.com", BELLHOP_DEMO="1")["BELLHOP_DEMO"]


def test_every_postgresql_url_uses_the_pinned_driver() -> None:
    for scheme in ("postgres", "postgresql", "postgresql+psycopg2"):
        url = loaded(DATABASE_URL=f"{scheme}://me@host/name")["SQLALCHEMY_DATABASE_URI"]
        assert str(url) == "postgresql+psycopg://me@host/name"


def test_doctor_creates_no_files(tmp_path: Path) -> None:
    config.load({"DATABASE_URL": f"sqlite:///{tmp_path}/data/bellhop.db"}, tolerant=True)
    assert not list(tmp_path.iterdir())


def test_the_first_start_generates_a_secret_key_for_all_processes(tmp_path: Path) -> None:
    env = {"DATABASE_URL": f"sqlite:///{tmp_path}/bellhop.db"}
    with ThreadPool(8) as pool:
        keys = set(pool.map(lambda _: config.load(env)["SECRET_KEY"], range(16)))
    assert len(keys) == 1
    assert len(keys.pop()) >= 32
    assert stat.S_IMODE((tmp_path / "secret_key").stat().st_mode) == 0o600
    assert {path.name for path in tmp_path.iterdir()} == {"secret_key", "bellhop.db"}


@pytest.mark.parametrize(
    ("base_url", "name", "path", "is_secure"),
    [
        ("http://bellhop.example", "bellhop", "/", False),
        ("http://bellhop.example/bellhop", "bellhop", "/bellhop", False),
        ("https://bellhop.example", "__Host-bellhop", "/", True),
        ("HTTPS://bellhop.example/bellhop", "__Secure-bellhop", "/bellhop", True),
    ],
)
def test_the_cookies_follow_base_url(base_url: str, name: str, path: str, is_secure: bool) -> None:
    values = loaded(BASE_URL=base_url)
    assert values["SESSION_COOKIE_NAME"] == name
    assert values["BROWSER_COOKIE_NAME"] == f"{name}_browser"
    assert values["SESSION_COOKIE_PATH"] == path
    assert values["SESSION_COOKIE_SECURE"] is is_secure


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BASE_URL", "https://example.com/a b"),
        ("BASE_URL", "https://example.com/a/../b"),
        ("BASE_URL", "https://example.com/caf%C3%A9"),
        ("BASE_URL", "https://example.com/café"),
        ("SCRIPT_NAME", "bellhop"),
        ("SCRIPT_NAME", "//evil.example"),
        ("TRUSTED_PROXIES", "-1"),
        ("TRUSTED_PROXIES", "yes"),
        ("STATIC_URL", "cdn.example.com"),
        ("STATIC_URL", "//cdn.example.com"),
        ("STATIC_URL", "https://cdn.example.com; script-src *"),
        ("STATIC_URL", "https://cdn.example.com/a;b"),
        ("STATIC_URL", "https://*.example.com"),
        ("STATIC_URL", "https://[2001:db8::1]"),
    ],
)
def test_addresses_that_would_not_work_everywhere_are_refused(name: str, value: str) -> None:
    with pytest.raises(config.ConfigError, match=name):
        loaded(**{name: value})


def test_script_name_must_agree_with_base_url() -> None:
    assert loaded(SCRIPT_NAME="/bellhop", BASE_URL="https://example.com/bellhop")
    with pytest.raises(config.ConfigError, match="SCRIPT_NAME"):
        loaded(SCRIPT_NAME="/bellhop", BASE_URL="https://example.com")


@pytest.mark.parametrize(
    ("env", "is_on"),
    [
        ({}, True),
        ({"HOST": "127.0.0.2"}, True),
        ({"HOST": "::1"}, True),
        ({"HOST": "localhost", "BASE_URL": "https://localhost:8443"}, True),
        ({"BASE_URL": "http://[::1]:5000"}, True),
        ({"BASE_URL": "http://[::ffff:127.0.0.1]:5000"}, True),
        ({"BASE_URL": "http://bellhop.localhost"}, True),
        ({"HOST": "0.0.0.0"}, False),
        ({"HOST": "::"}, False),
        ({"HOST": "192.168.1.7"}, False),
        ({"HOST": "myhost"}, False),
        ({"HOST": "0.0.0.0", "BASE_URL": "http://localhost:5000"}, False),
        ({"BASE_URL": "https://bellhop.example.com"}, False),
        ({"BASE_URL": "https://localhost.example.com"}, False),
        ({"BASE_URL": "https://127.0.0.1.nip.io"}, False),
    ],
)
def test_the_demo_is_on_by_default_only_where_this_machine_alone_has_access(
    env: dict[str, str], is_on: bool
) -> None:
    assert loaded(**env)["BELLHOP_DEMO"] is is_on
    assert loaded(**env, BELLHOP_DEMO="1")["IS_PUBLIC"] is not is_on


def test_who_needs_a_second_factor_is_one_of_three_words() -> None:
    assert loaded()["REQUIRE_SECOND_FACTOR"] == "nobody"
    assert loaded(REQUIRE_SECOND_FACTOR=" Everyone ")["REQUIRE_SECOND_FACTOR"] == "everyone"
    with pytest.raises(
        config.ConfigError, match="REQUIRE_SECOND_FACTOR is 'all': write nobody, admins or everyone"
    ):
        loaded(REQUIRE_SECOND_FACTOR="all")


def test_limits_of_emails_are_numbers_per_minute() -> None:
    assert loaded(EMAIL_RATE_LIMIT="120")["EMAIL_RATE_LIMIT"] == 120
    assert loaded(EMAIL_DOMAIN_RATE_LIMIT="30 per minute")["EMAIL_DOMAIN_RATE_LIMIT"] == 30
    assert loaded()["EMAIL_RATE_LIMIT"] == 0
    for wrong in ("0", "-1", "5 per hour", "many"):
        with pytest.raises(config.ConfigError, match="EMAIL_RATE_LIMIT"):
            loaded(EMAIL_RATE_LIMIT=wrong)
