"""Add the jobs that people are hired for, and their hiring teams."""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "hiring_jobs",
        sa.Column("id", ID, nullable=False),
        sa.Column("external_id", sa.String(200), nullable=False),
        sa.Column("title", sa.String(255), nullable=False),
        sa.Column("is_confidential", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("is_team_set", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_hiring_jobs"),
        sa.UniqueConstraint("external_id", name="uq_hiring_jobs_external_id"),
    )
    op.create_table(
        "hiring_team_members",
        sa.Column("job_id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.PrimaryKeyConstraint("job_id", "user_id", name="pk_hiring_team_members"),
        sa.ForeignKeyConstraint(
            ["job_id"], ["hiring_jobs.id"], name="fk_hiring_team_members_job_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_hiring_team_members_user_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_hiring_team_members_user_id", "hiring_team_members", ["user_id"])


def downgrade() -> None:
    op.drop_table("hiring_team_members")
    op.drop_table("hiring_jobs")
