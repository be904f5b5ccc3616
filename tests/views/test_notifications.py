from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from icalendar import Calendar
from sqlalchemy import func, insert, select

from app.clock import utc_now
from app.database.base import db
from app.models import Notification, NotificationChange, User
from app.rendering.key_facts import select_facts
from app.services.base.errors import Invalid
from app.services.interviews import evaluations
from app.services.notifications import actions
from tests.support import factories, statements
from tests.views.inbox import HOSTILE, HX, SignIn, fresh, send, titles

NOUNS = ("reading", "archival", "snoozing", "saving")


def test_the_home_page_redirects_to_the_inbox(sign_in: SignIn, alice: User) -> None:
    response = sign_in(alice).get("/")
    assert (response.status_code, response.location) == (302, "/notifications")


@pytest.mark.parametrize(
    "path", ["/", "/notifications", "/notifications/1", "/notifications/stream", "/notifications/pulse"]
)
def test_signed_out_people_are_asked_to_sign_in(client: FlaskClient, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 302
    assert response.location.startswith("/sign-in")


def test_htmx_opens_the_sign_in_page_instead_of_swapping_it_in(client: FlaskClient) -> None:
    page = "http://localhost/notifications?place=done"
    response = client.get("/notifications/pulse?list=1", headers={**HX, "HX-Current-URL": page})
    assert response.headers["HX-Redirect"] == "/sign-in?next=/notifications?place%3Ddone"


def test_the_inbox_lists_only_the_readers_rows_newest_first_by_day(
    sign_in: SignIn, alice: User, charlie: User
) -> None:
    now = utc_now()
    factories.notification(alice, "Older", created_at=now - timedelta(days=40))
    factories.notification(alice, "Newer", created_at=now)
    factories.notification(charlie, "Someone else's")
    page = sign_in(alice).get("/notifications").text
    assert titles(page) == ["Newer", "Older"]
    assert page.count('class="day__head"') == 2
    assert "Today" in page
    assert "Someone else" not in page
    assert "<title>Inbox (2 unread) · Bellhop</title>" in page


def test_each_place_lists_its_notifications(sign_in: SignIn, alice: User) -> None:
    now = utc_now()
    factories.notification(alice, "Unread one")
    factories.notification(alice, "Read one", read_at=now)
    factories.notification(alice, "Done one", read_at=now, archived_at=now, saved_at=now)
    soon = now + timedelta(hours=1)
    factories.notification(alice, "Snoozed", snoozed_until=soon, surfaced_at=soon)
    client = sign_in(alice)
    shown = {
        place: set(titles(client.get(f"/notifications?place={place}").text))
        for place in ("inbox", "unread", "later", "done", "saved", "all")
    }
    assert shown == {
        "inbox": {"Unread one", "Read one"},
        "unread": {"Unread one"},
        "later": {"Snoozed"},
        "saved": {"Done one"},
        "done": {"Done one"},
        "all": {"Unread one", "Read one", "Done one"},
    }


def test_filters_narrow_the_list_and_stay_checked(sign_in: SignIn, alice: User) -> None:
    factories.notification(alice, "An interview", priority="urgent")
    factories.notification(alice, "A calm interview")
    factories.notification(alice, "A job", notification_type="job_created", priority="urgent")
    page = sign_in(alice).get("/notifications?category=interview&priority=urgent").text
    assert titles(page) == ["An interview"]
    assert len(re.findall(r'value="(interview|urgent)" checked', page)) == 2


def test_a_search_that_is_too_long_is_an_error(sign_in: SignIn, alice: User) -> None:
    factories.notification(alice, "word " * 20)
    page = sign_in(alice).get(f"/notifications?q={'word+' * 41}").text
    assert "Too long: write at most 200 characters." in page
    assert titles(page) == []
    assert f'value="{("word " * 41).strip()}"' in page


def test_search_finds_titles_and_messages(sign_in: SignIn, alice: User) -> None:
    factories.notification(alice, "Interview with Priya")
    factories.notification(alice, "Another", message="Room Birch")
    client = sign_in(alice)
    assert titles(client.get("/notifications?q=birch").text) == ["Another"]
    assert titles(client.get("/notifications?q=priya").text) == ["Interview with Priya"]


@pytest.mark.parametrize(
    "query",
    [
        "place=nowhere",
        "category=%00",
        "open=99999999999999999999",
        "open=x",
        "limit=-5",
        "priority=" + "x" * 300,
    ],
)
def test_invalid_query_parameters_are_ignored(sign_in: SignIn, alice: User, query: str) -> None:
    factories.notification(alice, "Here")
    response = sign_in(alice).get(f"/notifications?{query}")
    assert response.status_code == 200
    assert titles(response.text) == ["Here"]


def test_a_damaged_cursor_is_an_error(sign_in: SignIn, alice: User) -> None:
    response = sign_in(alice).get("/notifications?cursor=nonsense")
    assert response.status_code == 400
    assert "This page link is invalid" in response.text


def test_older_and_newer_links_reach_every_row_once(sign_in: SignIn, alice: User) -> None:
    now = utc_now()
    for number in range(120):
        factories.notification(alice, f"Number {number:03}", created_at=now - timedelta(minutes=number))
    client, url, seen = sign_in(alice), "/notifications", []
    while url:
        page = client.get(url).text
        seen += titles(page)
        older = re.search(r'href="([^"]+)"\s+hx-get', page)
        url = older[1].replace("&amp;", "&") if older else ""
    assert seen == [f"Number {number:03}" for number in range(120)]
    newer = re.search(r'class="turn"><a class="btn" href="([^"]+)"', page)
    assert newer is not None
    assert titles(client.get(newer[1].replace("&amp;", "&")).text) == [
        f"Number {number:03}" for number in range(50, 100)
    ]


def test_older_rows_of_the_same_day_come_without_a_second_heading(sign_in: SignIn, alice: User) -> None:
    now = utc_now()
    for _ in range(60):
        factories.notification(alice, created_at=now)
    client = sign_in(alice)
    address = re.search(r'hx-get="([^"]+last_day[^"]+)"', client.get("/notifications").text)
    assert address is not None
    more = client.get(address[1].replace("&amp;", "&"), headers=HX)
    assert len(titles(more.text)) == 10
    assert "day__head" not in more.text
    assert "<html" not in more.text


def test_a_list_costs_the_same_queries_however_long(app: Flask, sign_in: SignIn, alice: User) -> None:
    client, counts = sign_in(alice), []
    for _ in range(2):
        for _ in range(20):
            factories.notification(alice)
        with statements.recorded() as seen:
            client.get("/notifications")
        counts.append(len(seen))
    # One of them is for the agenda.
    assert counts[0] == counts[1] <= 8, seen


def test_markup_in_any_field_is_escaped(sign_in: SignIn, alice: User) -> None:
    meeting = factories.interview(
        alice, candidate_name=HOSTILE, location=HOSTILE, meeting_url="javascript:alert(1)"
    )
    row = factories.notification(
        alice,
        HOSTILE,
        message=HOSTILE,
        interview_id=meeting.id,
        data={HOSTILE: HOSTILE},
        action_url="javascript:alert(1)",
    )
    client = sign_in(alice)
    for url in (f"/notifications?open={row.id}&q={HOSTILE[:4]}", f"/notifications/{row.id}"):
        page = client.get(url).text
        assert "<img" not in page
        assert 'href="javascript' not in page
        assert "&lt;img" in page


def test_the_detail_has_facts_deliveries_and_reason(sign_in: SignIn, alice: User) -> None:
    alice.time_zone = "Europe/Paris"
    db.session.commit()
    start = utc_now().replace(year=2100, month=3, day=12, hour=13, minute=0)
    meeting = factories.interview(alice, starts_at=start, location="Room Birch", interviewer="Daniel Osei")
    row = factories.notification(
        alice,
        interview_id=meeting.id,
        interview_sequence=0,
        data={"panel_size": 3},
        action_url="https://platform.example/iv",
    )
    factories.delivery(
        row, state="suppressed", reason="address_suppressed", reason_data={"detail": "no such user"}
    )
    page = sign_in(alice).get(f"/notifications/{row.id}").text
    for words in (
        "Fri 12 Mar 2100, 14:00\N{EN DASH}15:00",
        "Room Birch",
        "Daniel Osei",
        "Panel size",
        'href="https://platform.example/iv"',
        "Email: Not sent: this address is blocked because the server rejected it (no such user)",
        "because you&#39;re a recruiter on this interview",
    ):
        assert words in page


def test_a_notification_older_than_its_interview_has_a_note(sign_in: SignIn, alice: User) -> None:
    meeting = factories.interview(alice, sequence=2)
    row = factories.notification(alice, interview_id=meeting.id, interview_sequence=1)
    assert "has since changed" in sign_in(alice).get(f"/notifications/{row.id}").text


def test_get_requests_write_nothing(sign_in: SignIn, alice: User) -> None:
    row = factories.notification(alice)
    before = alice.inbox_version
    client = sign_in(alice)
    client.get(f"/notifications/{row.id}")
    client.get(f"/notifications?open={row.id}")
    client.get(f"/notifications/{row.id}", headers=HX)
    db.session.refresh(alice)
    assert (fresh(row).read_at, alice.inbox_version) == (None, before)


@pytest.mark.parametrize(
    ("noun", "column"),
    [
        ("reading", "read_at"),
        ("archival", "archived_at"),
        ("saving", "saved_at"),
        ("snoozing", "snoozed_until"),
    ],
)
def test_an_action_is_a_resource_that_delete_reverts(
    sign_in: SignIn, alice: User, noun: str, column: str
) -> None:
    row, client = factories.notification(alice), sign_in(alice)
    made = send(client, f"/notifications/{row.id}/{noun}")
    assert (made.status_code, made.location) == (303, "/notifications")
    assert getattr(fresh(row), column) is not None
    send(client, f"/notifications/{row.id}/{noun}", _method="delete")
    assert getattr(fresh(row), column) is None


def test_actions_are_idempotent(sign_in: SignIn, alice: User) -> None:
    row, client = factories.notification(alice), sign_in(alice)
    assert [send(client, f"/notifications/{row.id}/reading", HX).status_code for _ in range(2)] == [200, 200]
    assert db.session.scalar(select(func.count()).select_from(NotificationChange)) == 1


@pytest.mark.parametrize(
    "path",
    ["/notifications/{}", *(f"/notifications/{{}}/{noun}" for noun in NOUNS)],
)
@pytest.mark.parametrize("headers", [{}, HX])
def test_notifications_of_other_people_are_not_found(
    sign_in: SignIn, alice: User, charlie: User, path: str, headers: dict[str, str]
) -> None:
    row, client = factories.notification(alice), sign_in(charlie)
    url = path.format(row.id)
    response = client.get(url, headers=headers) if url.endswith(str(row.id)) else send(client, url, headers)
    assert response.status_code == 404
    assert (fresh(row).read_at, row.archived_at, row.saved_at, row.snoozed_until) == (None,) * 4
    assert row.title not in response.text


def test_an_id_beyond_64_bits_is_not_found(sign_in: SignIn, alice: User) -> None:
    client = sign_in(alice)
    assert client.get(f"/notifications/{2**63}").status_code == 404
    assert send(client, f"/notifications/changes/{2**63}/undo").status_code == 404


def test_bulk_actions_skip_notifications_of_other_people(sign_in: SignIn, alice: User, charlie: User) -> None:
    mine, theirs = factories.notification(charlie), factories.notification(alice)
    send(sign_in(charlie), "/notifications/changes", action="done", ids=[mine.id, theirs.id, "x", 2**70])
    assert fresh(mine).is_done
    assert not fresh(theirs).is_done


WRITES = (
    "/notifications/1/reading",
    "/notifications/1/archival",
    "/notifications/1/snoozing",
    "/notifications/1/saving",
    "/notifications/changes",
    "/notifications/changes/1/undo",
)


@pytest.mark.parametrize("path", WRITES)
def test_a_write_refuses_get(sign_in: SignIn, alice: User, path: str) -> None:
    assert sign_in(alice).get(path).status_code in {404, 405}


@pytest.mark.parametrize("path", WRITES)
def test_a_write_needs_the_token_of_the_session(sign_in: SignIn, alice: User, path: str) -> None:
    response = sign_in(alice).post(path, data={"action": "done", "ids": "1"})
    assert response.status_code == 400
    assert "out of date" in response.text


def test_an_unknown_action_is_refused(sign_in: SignIn, alice: User) -> None:
    assert send(sign_in(alice), "/notifications/changes", action="drop").status_code == 400


def test_a_page_of_older_notifications_is_shown_again_after_an_action(sign_in: SignIn, alice: User) -> None:
    now = utc_now()
    rows = [
        factories.notification(alice, f"Row {n}", created_at=now - timedelta(minutes=n)) for n in range(52)
    ]
    client = sign_in(alice)
    older = re.search(r'href="([^"]+)"[^>]*>Older<', client.get("/notifications").text.replace("\n", ""))
    assert older
    address = older[1].replace("&amp;", "&")
    view = address.partition("?")[2]
    answer = send(client, "/notifications/changes", action="read", ids=str(rows[50].id), view=view)
    assert answer.location == address
    assert titles(client.get(answer.location).text) == ["Row 50", "Row 51"]
    answer = send(client, f"/notifications/{rows[50].id}/archival", view=view)
    assert titles(client.get(answer.location).text) == ["Row 51"]
    # Nothing is left there.
    answer = send(client, f"/notifications/{rows[51].id}/archival", view=view)
    assert titles(client.get(answer.location).text)[:2] == ["Row 0", "Row 1"]


def test_large_numbers_are_grouped_everywhere(sign_in: SignIn, alice: User) -> None:
    rows = [factories.notification_values(alice, number) for number in range(1234)]
    db.session.execute(insert(Notification), rows)
    db.session.commit()
    client = sign_in(alice)
    page = client.get("/notifications").text
    assert "<title>Inbox (1,234 unread)" in page
    assert ">All 1,234<" in client.get("/notifications/total").text
    send(client, "/notifications/changes?all=1", action="read")
    assert "1,234 marked read" in client.get("/notifications").text


def test_mark_all_follows_the_filters_and_can_be_undone(sign_in: SignIn, alice: User) -> None:
    jobs = [factories.notification(alice, notification_type="job_created") for _ in range(60)]
    other, client = factories.notification(alice), sign_in(alice)
    made = send(client, "/notifications/changes?all=1", action="read", view="category=job")
    assert (made.status_code, made.location) == (303, "/notifications?category=job")
    assert all(fresh(row).is_read for row in jobs)
    assert not fresh(other).is_read
    page = client.get("/notifications?category=job").text
    assert "60 marked read" in page
    back = re.search(r'action="(/notifications/changes/\d+/undo)"', page)
    assert back is not None
    assert send(client, back[1]).status_code == 303
    assert not any(fresh(row).is_read for row in jobs)


def test_an_undone_row_reappears_without_waiting_for_new_ones(sign_in: SignIn, alice: User) -> None:
    now = utc_now()
    top, _rest = (
        factories.notification(alice, title, created_at=now - timedelta(hours=hours))
        for title, hours in (("On top", 1), ("The rest", 2))
    )
    client = sign_in(alice)
    made = actions.change(alice, "done", ids=[top.id])
    bound = re.search(r'data-upto="(\w+-\d+)"', client.get("/notifications").text)
    assert bound
    factories.notification(alice, "New since")
    page = send(client, f"/notifications/changes/{made.id}/undo", HX, view=f"upto={bound[1]}").text
    assert titles(page) == ["On top", "The rest"]


def test_changes_of_other_people_cannot_be_undone(sign_in: SignIn, alice: User, charlie: User) -> None:
    row = factories.notification(alice)
    made = actions.change(alice, "done", ids=[row.id])
    assert send(sign_in(charlie), f"/notifications/changes/{made.id}/undo").status_code == 404
    assert fresh(row).is_done


def test_redirects_never_lead_to_another_site(sign_in: SignIn, alice: User) -> None:
    row = factories.notification(alice)
    view = "https://evil.example/?place=done&next=//evil.example&q=x"
    location = send(sign_in(alice), f"/notifications/{row.id}/reading", view=view).location
    assert location.startswith("/notifications")
    assert "evil" not in location


@pytest.mark.parametrize(
    ("noun", "view", "leaves"),
    [
        ("archival", "", True),
        ("archival", "place=unread", True),
        ("archival", "place=all", False),
        ("reading", "place=unread", False),
        ("snoozing", "", True),
        ("snoozing", "place=all", True),
        ("saving", "", False),
    ],
)
def test_a_row_leaves_a_list_only_when_it_no_longer_belongs(
    sign_in: SignIn, alice: User, noun: str, view: str, leaves: bool
) -> None:
    row = factories.notification(alice)
    answer = send(sign_in(alice), f"/notifications/{row.id}/{noun}", HX, view=view).text
    assert (f'hx-target="#n-{row.id}" hx-swap="delete' in answer) is leaves
    assert (f'id="n-{row.id}"' in answer) is not leaves


def test_a_fragment_updates_count_title_and_undo(sign_in: SignIn, alice: User) -> None:
    row = factories.notification(alice)
    factories.notification(alice)
    response = send(sign_in(alice), f"/notifications/{row.id}/archival", HX)
    assert "HX-Request" in response.headers["Vary"]
    for part in (
        'id="unread-count"',
        "<title>Inbox (1 unread) · Bellhop</title>",
        "Marked done",
        "data-undo",
    ):
        assert part in response.text


def test_opening_marks_read_without_a_toast(sign_in: SignIn, alice: User) -> None:
    row = factories.notification(alice)
    response = send(sign_in(alice), f"/notifications/{row.id}/reading", HX, **{"from": "opening"})
    assert fresh(row).is_read
    assert "toast" not in response.text


def test_the_page_and_the_api_agree(sign_in: SignIn, alice: User) -> None:
    now = utc_now()
    for number in range(7):
        factories.notification(
            alice,
            f"Number {number}",
            created_at=now - timedelta(hours=number),
            read_at=now if number % 2 else None,
        )
    client = sign_in(alice)
    listed = client.get("/api/notifications/").json["results"]
    assert titles(client.get("/notifications").text) == [row["title"] for row in listed]
    assert client.get("/api/notifications/unread-count/").json == {"unread_count": 4}
    assert "(4 unread)" in client.get("/notifications").text


def test_an_empty_inbox_links_to_all_notifications_once_there_are_any(sign_in: SignIn, alice: User) -> None:
    client = sign_in(alice)
    assert "See all notifications" not in client.get("/notifications").text
    factories.notification(alice, archived_at=utc_now())
    assert "See all notifications" in client.get("/notifications").text


def test_empty_lists_have_a_message(sign_in: SignIn, alice: User) -> None:
    client = sign_in(alice)
    assert "caught up" in client.get("/notifications").text
    assert "No results" in client.get("/notifications?category=job").text
    assert "Nothing unread" in client.get("/notifications?place=unread").text


def test_a_page_of_fifty_stays_small(sign_in: SignIn, alice: User) -> None:
    import gzip

    for _ in range(50):
        factories.notification(alice, "Interview Scheduled for Priya Raman", message="word " * 400)
    assert len(gzip.compress(sign_in(alice).get("/notifications").data)) < 30_000


def test_snoozing_lasts_until_tomorrow_morning_in_the_readers_time_zone(sign_in: SignIn, alice: User) -> None:
    alice.time_zone = "Europe/Paris"
    row, client = factories.notification(alice), sign_in(alice)
    answer = send(client, f"/notifications/{row.id}/snoozing", HX).text
    assert "Back tomorrow at 09:00" in answer
    assert "data-undo" in answer
    assert re.search(r'id="waiting-count"[^>]*>1<', answer)
    fresh(row)
    page = client.get("/notifications?place=later").text
    assert titles(page) == [row.title]
    assert ">Back tomorrow at 09:00<" in page


def test_several_notifications_are_snoozed_until_the_same_time(sign_in: SignIn, alice: User) -> None:
    rows, client = [factories.notification(alice) for _ in range(3)], sign_in(alice)
    ids = [row.id for row in rows[:2]]
    send(client, "/notifications/changes?action=snooze", ids=ids, until="hour")
    assert fresh(rows[0]).snoozed_until == fresh(rows[1]).snoozed_until is not None
    page = client.get("/notifications").text
    assert titles(page) == [rows[2].title]
    assert "2 snoozed. Back " in page


def test_a_custom_snooze_date_works_and_a_past_one_is_an_error(sign_in: SignIn, alice: User) -> None:
    row, client = factories.notification(alice), sign_in(alice)
    day = (utc_now() + timedelta(days=30)).strftime("%Y-%m-%dT14:30")
    send(client, f"/notifications/{row.id}/snoozing", until="date", at=day)
    assert f"{fresh(row).snoozed_until:%Y-%m-%dT%H:%M}" == day
    for at in ("", "2020-01-01T10:00"):
        refused = send(client, f"/notifications/{row.id}/snoozing", HX, until="date", at=at)
        assert refused.status_code == 422
        assert "Pick a time" in refused.text


# In the afternoon, "In an hour" is too close to "This evening".
@time_machine.travel(datetime(2026, 3, 12, 9, tzinfo=UTC), tick=False)
def test_the_menu_offers_times_in_the_readers_time_zone(sign_in: SignIn, alice: User) -> None:
    row, client = factories.notification(alice), sign_in(alice)
    for url in ("/notifications", "/notifications/choices", f"/notifications/choices?id={row.id}"):
        page = client.get(url).text
        for label in ("In an hour", "Tomorrow morning", "Next week"):
            assert label in page
        assert "09:00</time>" in page


@pytest.mark.parametrize("headers", [{}, HX], ids=["page", "pane"])
@time_machine.travel(datetime(2026, 3, 12, 9, tzinfo=UTC), tick=False)
def test_snooze_times_that_are_loaded_again_have_the_same_buttons(
    sign_in: SignIn, alice: User, headers: dict[str, str]
) -> None:
    row, client = factories.notification(alice), sign_in(alice)
    detail = client.get(f"/notifications/{row.id}", headers=headers).text
    url = re.search(rf'id="later-{row.id}".*?data-choices="(.*?)"', detail)
    assert url
    again = client.get(unescape(url[1])).text
    assert 'value="tomorrow"' in again
    assert "".join(again.split()) in "".join(detail.split())


@pytest.mark.parametrize(("ago", "said"), [(0, "Today"), (-1, "Tomorrow")])
def test_future_days_have_names(sign_in: SignIn, alice: User, ago: int, said: str) -> None:
    noon = utc_now().replace(hour=23, minute=59, second=0) - timedelta(days=ago)
    factories.notification(alice, snoozed_until=noon, surfaced_at=noon)
    assert f">{said}</h2>" in sign_in(alice).get("/notifications?place=later").text


def test_an_evaluation_reminder_lets_its_reader_report_an_absence_and_take_it_back(
    app: Flask, alice: User, charlie: User, client: FlaskClient, sign_in: SignIn
) -> None:
    app.config["WTF_CSRF_ENABLED"] = False
    over = utc_now() - timedelta(hours=2)
    factories.interview(alice, starts_at=over - timedelta(hours=1), status="completed", completed_at=over)
    evaluations.remind_due()
    number = db.session.scalar(select(Notification.id).where(Notification.recipient_id == alice.id))
    page, answer = f"/notifications/{number}", f"/notifications/{number}/absence"
    mine = sign_in(alice)
    assert "I didn't attend" in mine.get(page).text
    assert client.post(answer).status_code == 302
    assert sign_in(charlie).post(answer).status_code == 404
    assert mine.get(answer).status_code == 405
    assert "You said you didn't attend" in mine.post(answer, follow_redirects=True).text
    back = mine.post(answer, data={"_method": "delete"}, follow_redirects=True)
    assert "ask you for the evaluation again" in back.text


def test_other_notifications_have_no_absence_button(alice: User, sign_in: SignIn) -> None:
    row = factories.notification(alice)
    assert "I didn't attend" not in sign_in(alice).get(f"/notifications/{row.id}").text


@pytest.mark.parametrize("field", ["ids", "stacks"])
def test_a_page_may_name_as_many_notifications_as_the_api_and_no_more(
    sign_in: SignIn, alice: User, field: str
) -> None:
    client = sign_in(alice)
    row = factories.notification(alice, "One of many")
    named = [row.id, *range(10_000_000, 10_000_000 + actions.MAX_NAMED - 1)]
    assert send(client, "/notifications/changes?action=read", ids=named).status_code == 303
    assert fresh(row).read_at is not None
    refused = send(client, "/notifications/changes?action=unread", **{field: [*named, 1]})
    assert refused.status_code == 422
    assert "10000" in refused.text
    assert fresh(row).read_at is not None


def test_python_callers_may_name_no_more_notifications_than_the_api(alice: User) -> None:
    with pytest.raises(Invalid):
        actions.change(alice, "read", ids=range(1, 250_001))


def test_the_detail_says_what_each_button_does(sign_in: SignIn, alice: User) -> None:
    meeting = factories.interview(alice, meeting_url="https://meet.example.com/1")
    row = factories.notification(
        alice, interview_id=meeting.id, interview_sequence=0, action_url="https://platform.example/iv"
    )
    page = sign_in(alice).get(f"/notifications/{row.id}").text
    buttons = re.findall(
        r'<a class="btn( btn--primary)?" href="([^"]*)"[^>]*>(?:<svg.*?</svg>)?([^<]*)', page
    )
    assert buttons == [
        (" btn--primary", "https://meet.example.com/1", "Join the interview"),
        ("", "https://platform.example/iv", "Open interview"),
        ("", f"/notifications/{row.id}/interview.ics", "Add to calendar"),
    ]
    meeting.status = "cancelled"
    db.session.commit()
    page = sign_in(alice).get(f"/notifications/{row.id}").text
    assert "meet.example.com" not in page
    assert "interview.ics" not in page
    assert re.search(r"<dt>When</dt>\s*<dd><s>", page)


@pytest.mark.parametrize(
    ("kind", "verb"), [("resume_processed", "Open resume"), ("evaluation_due", "Write evaluation")]
)
def test_each_type_has_its_own_verb(sign_in: SignIn, alice: User, kind: str, verb: str) -> None:
    row = factories.notification(alice, notification_type=kind, action_url="/account")
    assert f'href="/account" rel="noreferrer">{verb}<' in sign_in(alice).get(f"/notifications/{row.id}").text


def test_an_interview_can_be_added_to_ones_own_calendar(sign_in: SignIn, alice: User, charlie: User) -> None:
    meeting = factories.interview(alice, sequence=3)
    row = factories.notification(alice, interview_id=meeting.id)
    path = f"/notifications/{row.id}/interview.ics"
    response = sign_in(alice).get(path)
    assert response.mimetype == "text/calendar"
    file = Calendar.from_ical(response.data)
    (entry,) = file.walk("VEVENT")
    assert (file["METHOD"], int(entry["SEQUENCE"]), "ATTENDEE" in entry) == ("PUBLISH", 3, False)
    assert entry.start == meeting.starts_at.replace(microsecond=0)
    assert sign_in(charlie).get(path).status_code == 404
    meeting.status = "cancelled"
    db.session.commit()
    assert sign_in(alice).get(path).status_code == 404


def test_a_moved_interview_shows_its_former_start_struck_through(sign_in: SignIn, alice: User) -> None:
    meeting = factories.interview(alice)
    row = factories.notification(
        alice,
        notification_type="interview_rescheduled",
        interview_id=meeting.id,
        interview_sequence=0,
        facts=select_facts({"starts_at": meeting.starts_at, "previous_starts_at": "2020-11-30T14:00:00Z"}),
    )
    page = sign_in(alice).get(f"/notifications/{row.id}").text
    assert re.search(r"<dt>Was</dt>\s*<dd><s>Mon 30 Nov 2020, 14:00</s></dd>", page)


def test_a_candidate_and_a_job_are_threads(sign_in: SignIn, alice: User, charlie: User) -> None:
    facts = {"candidate_name": "Priya Raman", "job_title": "Data Engineer"}
    row = factories.notification(alice, candidate_id="C 7", job_id="J1", facts=facts)
    factories.notification(alice, "Done with Priya", candidate_id="C 7", archived_at=utc_now())
    factories.notification(alice, "Someone else", candidate_id="C 8")
    factories.notification(charlie, "Charlie's", candidate_id="C 7")
    page = sign_in(alice).get(f"/notifications/{row.id}").text
    links = dict(re.findall(r'<a class="link" href="([^"]*)"><svg.*?</svg>(All about [^<]*)', page))
    assert list(links.values()) == ["All about Priya Raman", "All about Data Engineer"]
    thread = sign_in(alice).get(unescape(next(iter(links)))).text
    assert titles(thread) == ["Done with Priya", "Interview Scheduled for Priya Raman"]


def test_a_thread_is_headed_by_the_name(sign_in: SignIn, alice: User) -> None:
    meeting = factories.interview(alice, candidate_name="Priya Raman")
    factories.notification(alice, candidate_id="C7", interview_id=meeting.id)
    client = sign_in(alice)
    page = client.get("/notifications?place=all&q=candidate:C7").text
    assert '<h1 class="head__title">Priya Raman</h1>' in page
    assert "<title>Priya Raman · Bellhop</title>" in page
    assert "for “candidate:pri”" in client.get("/notifications?q=candidate:pri").text
    for search in ("priya", "candidate:C7 unread", "-candidate:C7", "candidate:", "candidate:C7 is:nonsense"):
        page = client.get("/notifications", query_string={"place": "all", "q": search}).text
        assert '<h1 class="head__title">Priya Raman</h1>' not in page, search


def test_a_row_leads_to_its_threads(sign_in: SignIn, alice: User, charlie: User) -> None:
    facts = {"candidate_name": "Priya Raman"}
    row = factories.notification(alice, candidate_id="C7", facts=facts)
    client = sign_in(alice)
    response = send(client, "/notifications/thread?kind=candidate", HX, ids=row.id)
    assert titles(client.get(response.headers["HX-Redirect"]).text) == [row.title]
    assert send(client, "/notifications/thread?kind=job", ids=row.id).status_code == 404
    assert send(client, "/notifications/thread").status_code == 404
    assert send(sign_in(charlie), "/notifications/thread", ids=row.id).status_code == 404


def test_a_list_is_headed_by_a_number_of_what_it_lists(sign_in: SignIn, alice: User) -> None:
    factories.notification(alice, "Unread")
    factories.notification(alice, "Read", read_at=utc_now())
    factories.notification(alice, "File", notification_type="resume_processed")
    factories.notification(alice, "Over", archived_at=utc_now())
    client = sign_in(alice)
    for path, note, title in (
        ("", "2 unread", "Inbox (2 unread)"),
        ("?place=unread", "2 unread", "Unread (2 unread)"),
        ("?category=interview", "2 notifications", "Inbox"),
        ("?place=unread&category=interview", "1 notification", "Unread"),
        ("?place=later", "", "Snoozed"),
        ("?place=done", "", "Done"),
        ("?place=all", "", "All"),
    ):
        page = client.get(f"/notifications{path}").text
        assert f'id="unread-words">{note}</span>' in page, path
        assert f"<title>{title} · Bellhop</title>" in page, path


def test_a_search_is_headed_by_the_number_of_its_results(sign_in: SignIn, alice: User) -> None:
    for archived_at, read_at in ((None, None), (None, utc_now()), (utc_now(), None), (utc_now(), utc_now())):
        factories.notification(alice, "Priya Raman", archived_at=archived_at, read_at=read_at)
    client = sign_in(alice)
    for search, heading in (
        ("priya", "4 results for “priya”"),
        ("in:done+priya", "2 results for “in:done priya”"),
        ("in:inbox+priya", "2 results for “in:inbox priya”"),
        ("priya&place=unread", "1 result for “priya”"),
        ("priya&place=done", "2 results for “priya”"),
        ("zoe", "0 results for “zoe”"),
        ("is:foo", "Search"),
    ):
        page = client.get(f"/notifications?q={search}").text
        assert f'<h1 class="head__title">{heading}</h1>' in page
    for page in (client.get("/notifications?q=priya"), client.get("/notifications?q=in:done")):
        assert ("Everything <span" in page.text) is ("q=priya" in page.request.url)
