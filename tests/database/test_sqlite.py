from __future__ import annotations

import threading

from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from app.database.base import db


def test_eighty_threads_can_all_write(app: Flask) -> None:
    failures: list[Exception] = []

    def write() -> None:
        with app.app_context():
            try:
                for _turn in range(5):
                    db.session.execute(text("UPDATE users SET inbox_version = inbox_version + 1"))
                    db.session.commit()
            except SQLAlchemyError as error:
                failures.append(error)

    threads = [threading.Thread(target=write) for _number in range(80)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_a_writer_that_rolls_back_or_closes_lets_the_next_one_in(app: Flask) -> None:
    update = text("UPDATE users SET inbox_version = inbox_version + 1")
    for end in ("rollback", "close", "invalidate"):
        connection = db.engine.connect()
        connection.execute(update)
        getattr(connection, end)()
        connection.close()
        with db.engine.begin() as other:
            other.execute(update)
