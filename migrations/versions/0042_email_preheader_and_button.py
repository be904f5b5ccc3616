"""Let templates have the line beside an email's subject and the label of its button."""

import sqlalchemy as sa
from alembic import op

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None

TEXTS = ("email_preheader", "email_button")
TEMPLATES = ("notification_templates", "template_versions", "template_drafts")
IN_DELIVERIES = ("preheader", "button")


def upgrade() -> None:
    for table in TEMPLATES:
        for name in TEXTS:
            op.add_column(table, sa.Column(name, sa.String(255), nullable=False, server_default=""))
    for name in IN_DELIVERIES:
        op.add_column("deliveries", sa.Column(name, sa.String(255)))


def downgrade() -> None:
    for name in IN_DELIVERIES:
        op.drop_column("deliveries", name)
    for table in TEMPLATES:
        for name in TEXTS:
            op.drop_column(table, name)
