"""Add sources: other systems that call Bellhop, their calls, the facts learned from them, and their people."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True)
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def of_source(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["source_id"], ["sources.id"], name=op.f(f"fk_{table}_source_id"), ondelete="CASCADE"
    )


def upgrade() -> None:
    op.create_table(
        "sources",
        sa.Column("id", ID, nullable=False),
        sa.Column("public_id", sa.String(40), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("company_name", sa.String(255), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("former_secret", sa.Text(), nullable=False),
        sa.Column("rotated_at", INSTANT),
        sa.Column("paused_at", INSTANT),
        sa.Column("refused_at", INSTANT),
        sa.Column("last_call_at", INSTANT),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sources")),
        sa.UniqueConstraint("public_id", name=op.f("uq_sources_public_id")),
    )
    op.create_table(
        "source_calls",
        sa.Column("id", ID, nullable=False),
        sa.Column("source_id", ID, nullable=False),
        sa.Column("external_id", sa.String(255), nullable=False),
        sa.Column("action", sa.String(100), nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("replaces", sa.String(255), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("reason", sa.String(40), nullable=False),
        sa.Column("reason_data", JSON, nullable=False),
        sa.Column("occurred_at", INSTANT, nullable=False),
        sa.Column("due_at", INSTANT, nullable=False),
        sa.Column("received_at", INSTANT, nullable=False),
        of_source("source_calls"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_source_calls")),
        sa.UniqueConstraint("source_id", "external_id", name=op.f("uq_source_calls_source_id_external_id")),
    )
    op.create_index("ix_source_calls_source_id_id", "source_calls", ["source_id", "id"])
    for name, columns, condition in (
        ("waiting", ["occurred_at", "id"], "state = 'waiting'"),
        ("replaces", ["source_id", "replaces"], "replaces <> ''"),
    ):
        op.create_index(
            f"ix_source_calls_{name}",
            "source_calls",
            columns,
            sqlite_where=sa.text(condition),
            postgresql_where=sa.text(condition),
        )
    op.create_table(
        "source_facts",
        sa.Column("id", ID, nullable=False),
        sa.Column("source_id", ID, nullable=False),
        sa.Column("key", sa.String(300), nullable=False),
        sa.Column("value", JSON, nullable=False),
        sa.Column("seen_at", INSTANT, nullable=False),
        of_source("source_facts"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_source_facts")),
        sa.UniqueConstraint("source_id", "key", name=op.f("uq_source_facts_source_id_key")),
    )
    op.create_index(op.f("ix_source_facts_seen_at"), "source_facts", ["seen_at"])
    op.create_table(
        "source_people",
        sa.Column("id", ID, nullable=False),
        sa.Column("source_id", ID, nullable=False),
        sa.Column("external", sa.String(320), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("user_id", ID),
        sa.Column("dismissed_at", INSTANT),
        sa.Column("seen_at", INSTANT, nullable=False),
        of_source("source_people"),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_source_people_user_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_source_people")),
        sa.UniqueConstraint("source_id", "external", name=op.f("uq_source_people_source_id_external")),
    )
    op.create_index(op.f("ix_source_people_user_id"), "source_people", ["user_id"])


def downgrade() -> None:
    for table in ("source_people", "source_facts", "source_calls", "sources"):
        op.drop_table(table)
