"""Add further ids of interviews, and index interviews by candidate and job."""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "interview_aliases",
        sa.Column("external_id", sa.String(255), nullable=False),
        sa.Column("interview_id", ID, nullable=False),
        sa.PrimaryKeyConstraint("external_id", name="pk_interview_aliases"),
        sa.ForeignKeyConstraint(
            ["interview_id"],
            ["interviews.id"],
            name="fk_interview_aliases_interview_id",
            ondelete="CASCADE",
        ),
    )
    op.create_index("ix_interview_aliases_interview_id", "interview_aliases", ["interview_id"])
    where = sa.text("candidate_id IS NOT NULL")
    op.create_index(
        "ix_interviews_candidate",
        "interviews",
        ["candidate_id", "job_id"],
        sqlite_where=where,
        postgresql_where=where,
    )


def downgrade() -> None:
    op.drop_index("ix_interviews_candidate", "interviews")
    op.drop_table("interview_aliases")
