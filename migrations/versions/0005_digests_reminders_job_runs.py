"""Add digests, reminders and job runs, each once by its unique key, and the evaluation of interviews."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True)
# The mail's subject until now, which did not say how soon; where somebody has edited it, it stays.
OLD = "Reminder: {{candidate_name}}, {{interview_day}} at {{interview_time}}"
NEW = (
    '{% if time_until != "" %}Interview begins in {{time_until}}{% else %}Interview reminder{% endif %}: '
    "{{candidate_name}}, {{interview_day}} at {{interview_time}}"
)


def upgrade() -> None:
    op.create_table(
        "job_runs",
        sa.Column("id", ID, nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("slot_at", INSTANT, nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("started_at", INSTANT, nullable=False),
        sa.Column("finished_at", INSTANT, nullable=True),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("holder", sa.String(length=80), nullable=False),
        sa.Column("lease_until", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job_runs")),
        sa.UniqueConstraint("name", "slot_at", name=op.f("uq_job_runs_name_slot_at")),
    )
    with op.batch_alter_table("job_runs") as batch_op:
        batch_op.create_index(
            "ix_job_runs_asked",
            ["id"],
            unique=False,
            sqlite_where=sa.text("state = 'asked'"),
            postgresql_where=sa.text("state = 'asked'"),
        )

    op.create_table(
        "evaluation_reminders",
        sa.Column("id", ID, nullable=False),
        sa.Column("interview_id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("local_date", sa.Date(), nullable=False),
        sa.Column("made_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(
            ["interview_id"],
            ["interviews.id"],
            name=op.f("fk_evaluation_reminders_interview_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_evaluation_reminders_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evaluation_reminders")),
        sa.UniqueConstraint(
            "interview_id",
            "user_id",
            "local_date",
            name=op.f("uq_evaluation_reminders_interview_id_user_id_local_date"),
        ),
    )
    op.create_table(
        "reminders",
        sa.Column("id", ID, nullable=False),
        sa.Column("interview_id", ID, nullable=False),
        sa.Column("starts_at", INSTANT, nullable=False),
        sa.Column("lead_minutes", sa.Integer(), nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("outcome", sa.String(length=12), nullable=False),
        sa.Column("decided_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(
            ["interview_id"], ["interviews.id"], name=op.f("fk_reminders_interview_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_reminders_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reminders")),
        sa.UniqueConstraint(
            "interview_id",
            "starts_at",
            "lead_minutes",
            "user_id",
            name=op.f("uq_reminders_interview_id_starts_at_lead_minutes_user_id"),
        ),
    )
    op.create_table(
        "digests",
        sa.Column("id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("local_date", sa.Date(), nullable=False),
        sa.Column("settled_at", INSTANT, nullable=False),
        sa.Column("unread_count", sa.Integer(), nullable=False),
        sa.Column("delivery_id", ID, nullable=True),
        sa.ForeignKeyConstraint(
            ["delivery_id"], ["deliveries.id"], name=op.f("fk_digests_delivery_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_digests_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_digests")),
        sa.UniqueConstraint("delivery_id", name=op.f("uq_digests_delivery_id")),
        sa.UniqueConstraint("user_id", "kind", "local_date", name=op.f("uq_digests_user_id_kind_local_date")),
    )
    with op.batch_alter_table("digests") as batch_op:
        batch_op.create_index(batch_op.f("ix_digests_settled_at"), ["settled_at"], unique=False)

    with op.batch_alter_table("interview_recruiters") as batch_op:
        batch_op.add_column(sa.Column("absent_at", INSTANT, nullable=True))

    with op.batch_alter_table("interviews") as batch_op:
        batch_op.add_column(sa.Column("completed_at", INSTANT, nullable=True))
        batch_op.add_column(sa.Column("evaluated_at", INSTANT, nullable=True))
        batch_op.create_index(batch_op.f("ix_interviews_completed_at"), ["completed_at"], unique=False)

    with op.batch_alter_table("notifications") as batch_op:
        batch_op.create_index(
            "ix_notifications_snoozed",
            ["snoozed_until"],
            unique=False,
            sqlite_where=sa.text("snoozed_until IS NOT NULL"),
            postgresql_where=sa.text("snoozed_until IS NOT NULL"),
        )

    live = sa.table("notification_templates", *map(sa.column, ("id", "name", "version", "email_subject")))
    kept = sa.table("template_versions", *map(sa.column, ("template_id", "number", "email_subject")))
    reminder = sa.select(live.c.id).where(live.c.name == "interview_reminder", live.c.version == 1)
    is_old = kept.c.email_subject == OLD, kept.c.number == 1, kept.c.template_id.in_(reminder)
    op.execute(sa.update(kept).where(*is_old).values(email_subject=NEW))
    op.execute(
        sa.update(live).where(live.c.id.in_(reminder), live.c.email_subject == OLD).values(email_subject=NEW)
    )


def downgrade() -> None:
    with op.batch_alter_table("notifications") as batch_op:
        batch_op.drop_index(
            "ix_notifications_snoozed",
            sqlite_where=sa.text("snoozed_until IS NOT NULL"),
            postgresql_where=sa.text("snoozed_until IS NOT NULL"),
        )

    with op.batch_alter_table("interviews") as batch_op:
        batch_op.drop_index(batch_op.f("ix_interviews_completed_at"))
        batch_op.drop_column("evaluated_at")
        batch_op.drop_column("completed_at")

    with op.batch_alter_table("interview_recruiters") as batch_op:
        batch_op.drop_column("absent_at")

    with op.batch_alter_table("digests") as batch_op:
        batch_op.drop_index(batch_op.f("ix_digests_settled_at"))

    op.drop_table("digests")
    op.drop_table("reminders")
    op.drop_table("evaluation_reminders")
    with op.batch_alter_table("job_runs") as batch_op:
        batch_op.drop_index("ix_job_runs_asked")

    op.drop_table("job_runs")
