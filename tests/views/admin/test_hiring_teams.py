"""Admin pages of hiring teams: the list of jobs and its search."""

from __future__ import annotations

import html

from app.clock import utc_now
from app.database.base import db
from app.models import HiringJob, User

LIST = "/admin/hiring-teams"


def test_jobs_are_found_by_title_and_id(sign_in, alice: User, bob: User) -> None:
    client = sign_in(bob)
    assert "No jobs yet" in client.get(LIST).text
    for external_id, title in (("job-12", "Staff Data Engineer"), ("job-13", ""), ("100%", "Analyst")):
        job = HiringJob(external_id=external_id, title=title, created_at=utc_now())
        job.team = [alice] if title == "Analyst" else []
        db.session.add(job)
    db.session.commit()
    page = client.get(LIST).text
    assert page.index("Analyst") < page.index(">job-13<") < page.index("Staff Data Engineer")
    assert alice.name in page
    for search, found in (("data eng", ">job-12<"), ("JOB-13", ">job-13<"), ("%", ">100%<")):
        page = client.get(LIST, query_string={"q": search}).text
        assert page.count('class="item"') == 1
        assert found in page
    page = html.unescape(client.get(LIST, query_string={"q": "nothing"}).text)
    assert "No job contains “nothing”." in page
