"""Email addresses in their one form (`app/canonical_addresses.py`): accounts, suppressions, attempts to sign in.

Two accounts whose addresses are one address in two spellings stay as they are: an admin has to decide which of them
goes. Both are named here and by `flask doctor`; the address finds the account that is stored in the canonical form.
"""

import sqlalchemy as sa
from alembic import context, op

from app import canonical_addresses

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    connection = op.get_bind()
    users = sa.table("users", *map(sa.column, ("id", "email")))
    taken = {row.email for row in connection.execute(sa.select(users.c.email))}
    for row in connection.execute(sa.select(users).order_by(users.c.id)).all():
        email = canonical_addresses.key(row.email)
        if email == row.email:
            continue
        if email in taken:
            context.config.print_stdout("%s and %s are one address, and two accounts.", row.email, email)
            continue
        taken.add(email)
        connection.execute(sa.update(users).where(users.c.id == row.id).values(email=email))
    suppressions = sa.table("suppressions", *map(sa.column, ("id", "channel", "address")))
    rows = sa.select(suppressions).where(suppressions.c.channel == "email").order_by(suppressions.c.id)
    suppressed: set[str] = set()
    for row in connection.execute(rows).all():
        email, this = canonical_addresses.key(row.address), suppressions.c.id == row.id
        if email in suppressed:
            connection.execute(sa.delete(suppressions).where(this))
        elif email != row.address:
            # Of two spellings, the older one keeps its reason.
            twin = (suppressions.c.channel == "email", suppressions.c.address == email)
            connection.execute(sa.delete(suppressions).where(*twin))
            connection.execute(sa.update(suppressions).where(this).values(address=email))
        suppressed.add(email)
    attempts = sa.table("sign_in_attempts", *map(sa.column, ("id", "email")))
    for row in connection.execute(sa.select(attempts)).all():
        if (email := canonical_addresses.key(row.email)) != row.email:
            connection.execute(sa.update(attempts).where(attempts.c.id == row.id).values(email=email))


def downgrade() -> None:
    """Nothing to take back: the older code finds these addresses as well."""
