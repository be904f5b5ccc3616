"""Signs many people in at once, as a process of its own: their threads must not delay those of a test.

    python -m tests.support.sign_ins HOST PORT COOKIE CSRF_TOKEN COUNT

prints the status of each response as JSON; 500 for a 503 without `Retry-After`.
"""

from __future__ import annotations

import http.client
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode

PASSWORD, PEOPLE = "a long enough one", 30


def main(host: str, port: str, cookie: str, token: str, count: str) -> None:
    """Send all sign-ins, each on a connection of its own, and print the statuses."""
    headers = {"Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded"}

    def sign_in(number: int) -> int:
        form = {"csrf_token": token, "email": f"p{number % PEOPLE}@example.test", "password": PASSWORD}
        connection = http.client.HTTPConnection(host, int(port), timeout=60)
        connection.request("POST", "/sign-in", urlencode(form), headers)
        response = connection.getresponse()
        response.read()
        connection.close()
        return response.status if response.status != 503 or response.getheader("Retry-After") else 500

    with ThreadPoolExecutor(int(count)) as crowd:
        sys.stdout.write(json.dumps(list(crowd.map(sign_in, range(int(count))))))


if __name__ == "__main__":
    main(*sys.argv[1:])
