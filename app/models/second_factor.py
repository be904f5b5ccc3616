"""The second factor: what a person needs besides the password to sign in."""

from __future__ import annotations

from sqlalchemy import BigInteger, ForeignKey, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.database.base import Base


class SecondFactor(Base):
    """A person's authenticator app and recovery codes. The row exists while `users.second_factor_at` is set."""

    __tablename__ = "second_factors"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    # The key that the app has, too, encrypted.
    secret: Mapped[str] = mapped_column(Text)
    # The time step of the last code that was used: no code works twice.
    last_step: Mapped[int] = mapped_column(BigInteger)
    # The SHA-256 of each recovery code that was not used yet.
    recovery_digests: Mapped[list[str]]
