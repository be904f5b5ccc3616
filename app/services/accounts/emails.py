"""Invitations and password resets: queueing the emails, their texts, and the links in them."""

from __future__ import annotations

from datetime import datetime, timedelta

from flask_babel import gettext as _
from sqlalchemy import func, select

from app.clock import utc_now
from app.database.base import db
from app.database.writing import writing
from app.models import AuditEntry, Delivery, User
from app.rendering.email import EmailContent
from app.services.accounts import access, direct_messages, notices, passwords, users
from app.services.base import audit, signed_links
from app.services.base.errors import Invalid, NotFound

# How long the link of each account email works.
LIFETIMES = {"password_reset": timedelta(hours=1), "invitation": timedelta(days=7)}
RESETS_AN_HOUR = 3
MAX_AUDITED_AN_HOUR = 100
_PURPOSE = "account"


def request_password_reset(email: str, *, now: datetime | None = None) -> None:
    """Queue a reset email if the account exists. The caller cannot tell whether it does.

    An account gets at most three an hour. Known and unknown addresses both write and commit, so that they take
    the same time. Only these three, and a limited number for unknown addresses, are audited: strangers must not be
    able to fill the log.
    """
    now = now or utc_now()
    user = users.by_email(email)
    with writing():
        subject, is_audited = users.email_for_audit(email), _may_audit_unknown(now)
        if user is not None:
            user = users.get_for_update(user.id)
            is_audited = user.is_enabled and _count_resets(user, now - timedelta(hours=1)) < RESETS_AN_HOUR
            subject = user.email
            if is_audited:
                queue_account_email("password_reset", user, now)
        if is_audited:
            audit.record("password.reset_requested", subject)


def queue_account_email(kind: str, user: User, now: datetime) -> None:
    """Queue an account email in the caller's transaction. Its link is made when it is sent."""
    direct_messages.queue(kind, user, "email", user.email, now, lifetime=LIFETIMES[kind])


def compose_account_email(kind: str, user: User, link: str, base_url: str) -> EmailContent:
    """Compose an `invitation` or a `password_reset` in the current language.

    Args:
        link: the page on which the password is chosen.
    """
    if kind == "invitation":
        heading = _("Welcome to Bellhop")
        message = _(
            "%(name)s, an account was created for you. Choose a password to sign in. The link works for seven days.",
            name=user.name,
        )
        button = _("Choose a password")
        reason = _("You get this because an admin invited %(email)s.", email=user.email)
    else:
        heading = _("Choose a new password")
        message = _(
            "Someone, probably you, asked to reset the password for %(email)s. The link works once, within an hour."
            "\n\nIf it wasn't you, ignore this email: your password stays the same.",
            email=user.email,
        )
        button = _("Choose a new password")
        reason = _("You get this because a password reset was requested on the sign-in page.")
    return EmailContent(
        locale=user.locale,
        heading=heading,
        message=message,
        label=_("Your account"),
        category="system",
        facts=(),
        button=(button, link),
        reason=reason,
        links=((_("Open Bellhop"), base_url),),
    )


def compose_test(user: User, base_url: str) -> EmailContent:
    """Compose the email by which an admin tries out the mail server, in the current language."""
    return EmailContent(
        locale=user.locale,
        heading=_("Test email from Bellhop"),
        message=_("This is the test that you asked for. If it's in your inbox, email is set up."),
        label=_("Test"),
        category="system",
        facts=(),
        button=(_("Back to setup"), f"{base_url}/admin"),
        reason=_("You get this because you asked for a test email."),
        links=((_("Open Bellhop"), base_url),),
    )


def compose_notice(delivery: Delivery, base_url: str) -> EmailContent:
    """Compose a security notice in the current language; see `notices`."""
    user = delivery.recipient
    return EmailContent(
        locale=user.locale,
        heading=delivery.subject or "",
        message=delivery.text or "",
        label=_("Your account"),
        category="system",
        facts=(),
        button=(_("Check your account"), f"{base_url}/account/security"),
        reason=_("You get this because it concerns the security of your account."),
        links=((_("Open Bellhop"), base_url),),
    )


def make_password_link(kind: str, user: User, secret: str, base_url: str, now: datetime) -> str:
    """Make the link by which the reader of an account email chooses a password.

    It works until a password is chosen, the account is deactivated, or its lifetime has passed: one hour from `now` for
    `password_reset`, seven days for `invitation`.
    """
    values = {"kind": kind, "user": user.id, "state": users.state_digest(user)}
    text = signed_links.sign(values, purpose=_PURPOSE, secret=secret, expires_at=now + LIFETIMES[kind])
    return f"{base_url}/password/reset/{text}"


def find_link_owner(text: str, *, secret: str, now: datetime | None = None) -> tuple[User, str]:
    """Find the user a link belongs to and the kind of its email. Raises NotFound if it is expired, used or forged."""
    values = signed_links.read(text, purpose=_PURPOSE, secret=secret, now=now or utc_now())
    user = db.session.get(User, values["user"], populate_existing=True)
    if user is None or not user.is_enabled or values["state"] != users.state_digest(user):
        raise NotFound(_("This link has expired or was already used."))
    return user, str(values["kind"])


@passwords.limit_concurrency
def set_password_by_link(
    text: str, password: str, *, secret: str, revoke_access: bool = False, now: datetime | None = None
) -> User:
    """Set a password by the link of an account email. Ends every session; the link stops working.

    Args:
        revoke_access: also revoke the user's tokens and remove their webhooks and browsers.
    Raises:
        NotFound: the link is expired, used or forged.
        Invalid: keyed `password`.
    """
    user, _kind = find_link_owner(text, secret=secret, now=now)
    is_first = user.password_hash is None
    if problem := passwords.password_problem(password, email=user.email, name=user.name):
        raise Invalid({"password": problem})
    hashed = passwords.hash_password(password)
    with writing(lock=User, row_id=user.id):
        # Checked again under the lock: of two requests at once, one finds the link used.
        user, _kind = find_link_owner(text, secret=secret, now=now)
        users.replace_password(user, hashed)
        if not is_first:
            notices.queue_password_notice(user, now or utc_now())
        if revoke_access:
            access.revoke_all(user, actor=user, now=now or utc_now())
    return user


def _count_resets(user: User, since: datetime) -> int:
    resets = select(func.count()).where(
        Delivery.recipient_id == user.id, Delivery.kind == "password_reset", Delivery.created_at > since
    )
    return db.session.scalar(resets) or 0


def _may_audit_unknown(now: datetime) -> bool:
    """Whether few enough requests were audited in the last hour; looks at the newest only."""
    newest = (
        select(AuditEntry.at)
        .where(AuditEntry.action == "password.reset_requested")
        .order_by(AuditEntry.id.desc())
        .limit(MAX_AUDITED_AN_HOUR)
    )
    found = db.session.scalars(newest).all()
    return len(found) < MAX_AUDITED_AN_HOUR or found[-1] < now - timedelta(hours=1)
